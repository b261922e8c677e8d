"""A database of a gigabyte, lost and brought back: how long that takes, beside a plain pg_restore of the same dump.

    python -m tests.benchmarks.restore [MIB] [--json FILE]

The plain pg_restore is what RESTORE.txt says, by hand: created, restored with one job, nothing compared, nothing
analysed. It runs right before ours, on the same server and from the same file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pydantic import SecretStr

from deployments.cluster import binaries
from runbooks.recovery.disaster_recovery import runbook
from tasks.amounts import size
from tasks.backup import shelf
from tasks.backup.actions import MakeBackup
from tasks.backup.programs import connected
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.system import Backups
from tasks.how_far import Progress, told_to
from tasks.postgres.url import in_database
from tests.conftest import own_server

DATABASE = "shop"
TABLES = 4
# Of mails and events: a key, two moments, texts, and the indexes that such tables have.
FILL = """
CREATE TABLE mails_{n} (id bigint PRIMARY KEY, lead bigint, subject text, body text, status text, at timestamptz);
INSERT INTO mails_{n} SELECT i, i % 50000, md5(i::text), repeat(md5((i * 7)::text), 8), 'sent',
    timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, {rows}) AS i;
CREATE INDEX ON mails_{n} (lead);
CREATE INDEX ON mails_{n} (status, at);
CREATE INDEX ON mails_{n} (subject);
"""
# A row of them with its indexes, in bytes.
ROW_BYTES = 500


@contextmanager
def took(times: dict[str, float], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    times[what] = round(time.monotonic() - began, 1)
    print(f"{what:>24}: {times[what]:8.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mib", nargs="?", type=int, default=1024)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with own_server(binaries(), {"max_wal_size": "1GB"}) as server, tempfile.TemporaryDirectory() as folder:
        measured = _measured(server.admin_url, asked.mib, Path(folder))
    if asked.json:
        asked.json.write_text(json.dumps(measured, indent=1))


def _measured(admin_url: str, mib: int, folder: Path) -> dict[str, object]:
    times: dict[str, float] = {}
    heard: list[Progress] = []
    url = in_database(SecretStr(admin_url), DATABASE)
    with psycopg.connect(admin_url, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {DATABASE}".encode())
        with took(times, "filled"), psycopg.connect(url.get_secret_value(), autocommit=True) as shop:
            for n in range(TABLES):
                shop.execute(FILL.format(n=n, rows=mib * 2**20 // ROW_BYTES // TABLES).encode())
        door = Backups(
            url=url, scratch_url=SecretStr(admin_url), restore_url=SecretStr(admin_url),
            folder=folder / "backups",
        )  # fmt: skip
        with took(times, "backed up and proven"):
            made = MakeBackup()
            assert made.apply(door, made.plan(door)).complete
        [one] = door.kept()
        print(f"{size(int(one.manifest['server']['bytes']))}, {one.content.rows:,} rows, dump {size(one.bytes)}")
        with took(times, "plain pg_restore"):
            _plain(door, one, session)
        session.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
        with told_to(heard.append):
            action = RestoreDatabase()
            with took(times, "planned"):
                plan = action.plan(door)
            with took(times, "brought back"):
                outcome = action.apply(door, plan)
    assert outcome.complete, outcome
    ratio = times["brought back"] / times["plain pg_restore"]
    clock = runbook.clock.stages[0].takes.total_seconds() if runbook.clock else 0.0
    print(f"{ratio:.2f} times a plain pg_restore; {len(heard)} times it was said where it is, the last: {heard[-1:]}")
    print(f"{times['brought back'] + times['planned']:.0f} s of the stage's {clock:.0f} s")
    return {"mib": mib, "seconds": times, "ratio": round(ratio, 3), "said": len(heard), "stage_s": clock}


def _plain(door: Backups, one: shelf.Backup, session: psycopg.Connection) -> None:
    programs = door.programs(int(one.manifest["server"]["version"]))
    session.execute(b"CREATE DATABASE plain TEMPLATE template0")
    with connected(door.scratch_url, door.folder) as environment:
        argv = [programs.path("pg_restore"), "--exit-on-error", "--no-subscriptions", "--dbname=plain"]
        subprocess.run([*argv, str(one.place / shelf.DUMP)], env=environment, check=True)
    session.execute(b"DROP DATABASE plain WITH (FORCE)")


if __name__ == "__main__":
    main()
