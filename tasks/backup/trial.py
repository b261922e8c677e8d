"""Restore a backup into a database of our own, hold it against what was counted when it was made, and drop it again.

1. Before anything is made on the scratch server, its name is written down in the backups' folder: a later process finds
   what a killed one left, and drops nothing else.
2. Roles that own what is restored and are not there are made for it, without a login, in one transaction with the
   remark by which they are known as ours.
3. Dropped are the database of that name and the roles with that remark; a role that somebody else came to use stays.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from tasks.backup import shelf
from tasks.backup.content import content_of, differences
from tasks.backup.programs import Programs, connected, run_saying
from tasks.backup.queries import OUR_ROLES
from tasks.backup.system import Backups
from tasks.model import CannotLook, Row
from tasks.postgres.refusals import quoted
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import in_database

SCRATCH = ".scratch.json"
PREFIX = "incident_scratch_"
REMARK = "incident-pipelines: trial restore into "


def prove(backup: Backups, one: shelf.Backup) -> list[Row]:
    """What of `one` is not as it was backed up. None: it is proven, and says so. Otherwise it is set apart.

    The folder must be ours alone (`shelf.alone`).

    Raises:
        ProgramFailed, ProgramTookTooLong: pg_restore did not end well, or met an error: the backup is as it was.
        CannotLook, Refused: the scratch server does not answer.
    """
    began = time.monotonic()
    found: list[Row] = [{"what": "file", "of": told, "backed_up": "", "restored": ""} for told in one.altered()]
    if not found:
        programs = backup.programs(int(one.manifest["server"]["version"]))
        with _scratch(backup, one) as scratch:
            with connected(scratch.url, backup.folder) as environment:
                run_saying(restore_command(programs, one, scratch.place.database), environment, backup.limit_s)
            with scratch.snapshot() as moment:
                found = differences(one.content, content_of(moment))
    if found:
        shelf.set_apart(one)
        return found
    shelf.write(
        one.place / shelf.PROOF,
        {
            "manifest": one.sha256,
            "at": datetime.now(UTC).isoformat(),
            "on": backup.scratch.address,
            "took_s": round(time.monotonic() - began, 1),
        },
    )
    return []


def restore_command(programs: Programs, one: shelf.Backup, database: str) -> list[str]:
    """All of it, ended by the first error. A subscription would begin to pull rows from the real publisher."""
    return [
        programs.path("pg_restore"), f"--dbname={database}", "--exit-on-error", "--no-subscriptions", "--no-password",
        "--verbose", str(one.place / shelf.DUMP),
    ]  # fmt: skip


def clear(backup: Backups) -> None:
    """Drop what an earlier trial left on the scratch server. The folder must be ours alone.

    Raises:
        CannotLook, Refused: the scratch server does not answer.
    """
    noted = backup.folder / SCRATCH
    for name in _noted(backup):
        backup.scratch.act_at_length(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
    noted.unlink(missing_ok=True)
    for row in backup.scratch.rows(OUR_ROLES, remark=REMARK):
        if not row["used"]:
            _drop_role(backup, str(row["role"]))


@contextmanager
def _scratch(backup: Backups, one: shelf.Backup) -> Iterator[PostgresServer]:
    """A new database on the scratch server, gone at the end of the block."""
    clear(backup)
    name = f"{PREFIX}{secrets.token_hex(8)}"
    shelf.write(backup.folder / SCRATCH, {"databases": [name]})
    try:
        _make_roles(backup, one.manifest["server"]["roles"], name)
        locale = one.manifest["server"]["locale"]
        backup.scratch.act_at_length(f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {locale}")
        # Nobody works off the queue that is restored here, whoever may log in on that server.
        backup.scratch.act_at_length(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC")
        yield PostgresServer(url=in_database(backup.scratch_url, name), connect_timeout_s=backup.connect_timeout_s)
    finally:
        clear(backup)


def _make_roles(backup: Backups, wanted: Sequence[str], name: str) -> None:
    there = backup.scratch.rows("SELECT rolname FROM pg_roles WHERE rolname = ANY(%(wanted)s)", wanted=list(wanted))
    missing = [role for role in wanted if role not in {str(row["rolname"]) for row in there}]
    with backup.scratch.transaction() as work:
        for role in missing:
            known = quoted(role).replace("%", "%%")
            work.run(f"CREATE ROLE {known} NOLOGIN")
            work.run(f"COMMENT ON ROLE {known} IS '{REMARK}{name}'")


def _drop_role(backup: Backups, role: str) -> None:
    try:
        backup.scratch.act_at_length(f"DROP ROLE IF EXISTS {quoted(role)}")
    except CannotLook:
        # Another trial, or somebody, came to use it meanwhile; the next one looks again.
        return


def _noted(backup: Backups) -> list[str]:
    try:
        noted = json.loads((backup.folder / SCRATCH).read_bytes())["databases"]
    except (OSError, ValueError, KeyError):
        return []
    return [name for name in noted if isinstance(name, str) and name.startswith(PREFIX)]
