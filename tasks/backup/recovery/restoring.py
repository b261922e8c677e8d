"""Bring a backup back beside what there is, hold it against its manifest, and swap the two by their names.

1. What a killed run left of the same backup is gone on with if it was compared, and dropped otherwise: pg_restore
   begins anew, never on top of half.
2. Until the swap nobody but a superuser gets in, so that nobody works off the queue in there.
3. The swap is one transaction: whoever is killed there leaves the names as they were, or as they are to be.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tasks.amounts import size
from tasks.backup import shelf
from tasks.backup.content import content_of, differences
from tasks.backup.programs import Programs, connected
from tasks.backup.queries import END_SESSIONS, HOW_LARGE
from tasks.backup.recovery import roles
from tasks.backup.recovery.places import BEGUN, EQUAL, Places, Restored, forget, note, places_for, there
from tasks.backup.recovery.properties import properties
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.how_far import Progress, watched
from tasks.model import CannotLook, Row
from tasks.postgres.refusals import quoted
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import in_database
from tasks.program import run

# Tables and indexes at once: an index is built by one process, and a restore is mostly that.
JOBS = 4
# Whoever was sent away comes back at once, and nobody may be in a database that gets another name.
SWAP_TRIES = 10
NOBODY = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that is run to bring `one` back, as it would be now. `may_enter` is how many sessions might be in it."""

    one: Backup
    places: Places
    programs: Programs
    roles: Sequence[str]
    belonging: Sequence[str]
    may_enter: int

    @property
    def restore(self) -> list[str]:
        """All of it, ended by the first error: whoever goes on after one has less, and exit code 0."""
        return [
            self.programs.path("pg_restore"), f"--dbname={self.places.beside}", f"--jobs={JOBS}", "--exit-on-error",
            "--no-subscriptions", "--no-password", "--verbose", str(self.one.place / shelf.DUMP),
        ]  # fmt: skip

    @property
    def create(self) -> str:
        """Like the one that was backed up, and for superusers only."""
        locale = self.one.manifest["server"]["locale"]
        return f"CREATE DATABASE {quoted(self.places.beside)} TEMPLATE template0 {locale} CONNECTION LIMIT {NOBODY}"

    @property
    def swap(self) -> list[str]:
        """Makes the restored one the database, and keeps what there was under another name, for superusers."""
        name, lost = quoted(self.places.name), quoted(self.places.lost)
        away = [f"ALTER DATABASE {name} RENAME TO {lost}", f"ALTER DATABASE {lost} CONNECTION LIMIT {NOBODY}"]
        return [
            *(away if self.places.lost else []),
            f"ALTER DATABASE {quoted(self.places.beside)} RENAME TO {name}",
            f"ALTER DATABASE {name} CONNECTION LIMIT {self.may_enter}",
        ]


def swap_back(name: str, beside: str, lost: str, may_enter: int) -> list[str]:
    """The other way round: what was restored is put aside, and what there was, if anything, is there again."""
    back = [
        f"ALTER DATABASE {quoted(lost)} RENAME TO {quoted(name)}",
        f"ALTER DATABASE {quoted(name)} CONNECTION LIMIT {may_enter}",
    ]
    return [
        f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(beside)}",
        f"ALTER DATABASE {quoted(beside)} CONNECTION LIMIT {NOBODY}",
        *(back if lost else []),
    ]


def recipe(backup: Backups, one: Backup) -> Recipe:
    """What bringing `one` back takes now; nothing is changed.

    Raises:
        CannotLook, Refused: the server, its programs or the archive cannot be asked.
    """
    places = places_for(backup, one, there(backup))
    programs = backup.programs_to_restore(int(one.manifest["server"]["version"]))
    belonging, may_enter = properties(backup, one, programs, places.beside)
    lacking = roles.missing(backup.home, one)
    return Recipe(
        one=one, places=places, programs=programs, roles=lacking, belonging=belonging, may_enter=may_enter
    )  # fmt: skip


def build(backup: Backups, how: Recipe) -> list[Row]:
    """Restore it into the database beside, ready to be swapped in; what in it differs from the backup. Differing, it is
    dropped again.

    The backups' folder must be ours alone (`shelf.alone`).

    Raises:
        ProgramFailed, ProgramTookTooLong: pg_restore met an error; what it had made is dropped.
        CannotLook, Refused: the server does not answer.
    """
    home, beside = backup.home, how.places.beside
    if how.places.half == EQUAL:
        return []
    note(backup, how.places)
    drop(home, beside)
    try:
        roles.make(home, how.one, list(how.roles))
        home.act_at_length(how.create)
        _mark(home, how, BEGUN)
        _fill(backup, how)
        found = _compared(backup, how)
        if found:
            drop(home, beside)
        else:
            _prepare(backup, how)
    except CannotLook:
        with suppress(CannotLook):
            drop(home, beside)
            forget(backup)
        raise
    forget(backup)
    return found


def rename(home: PostgresServer, emptied: Sequence[str], statements: Sequence[str]) -> None:
    """Run `statements`, all or none, while nobody is in the databases `emptied`.

    Raises:
        CannotLook, Refused: somebody always came back, or the server does not answer.
    """
    for left in reversed(range(SWAP_TRIES)):
        try:
            with home.transaction() as work:
                for name in emptied:
                    work.run(END_SESSIONS, name=name)
                _run(work, statements)
        except CannotLook:
            if not left:
                raise
            time.sleep(0.2)
        else:
            return


def drop(home: PostgresServer, name: str) -> None:
    """Away with a database that we made."""
    home.act_at_length(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def _fill(backup: Backups, how: Recipe) -> None:
    home, whole = backup.home, max(1, int(how.one.manifest["server"]["bytes"]))
    said: deque[str] = deque(maxlen=1)

    def where() -> Progress | None:
        rows = home.rows(HOW_LARGE, name=how.places.beside)
        now = int(str(rows[0]["bytes"])) if rows else 0
        last = f"; {said[0].removeprefix('pg_restore: ')}" if said else ""
        return Progress(
            says=f"Restoring {how.one.name}: {size(now)} of about {size(whole)}{last}.", share=min(0.99, now / whole)
        )

    url = in_database(home.url, how.places.beside)
    with connected(url, backup.folder) as environment, watched(where):
        run(how.restore, limit_s=backup.limit_s, environment=environment, heard=said.append)


def _compared(backup: Backups, how: Recipe) -> list[Row]:
    with _inside(backup, how).snapshot() as moment:
        return differences(how.one.content, content_of(moment))


def _prepare(backup: Backups, how: Recipe) -> None:
    """Everything it needs before anybody is let in; the remark that it is equal is written last."""
    inside = _inside(backup, how)
    # What was restored has no statistics, and its first minutes would be spent with the worst of plans.
    inside.act_at_length("ANALYZE")
    with inside.transaction() as work:
        _run(work, backup.senders_off)
    with backup.home.transaction() as work:
        _run(work, how.belonging)
    _mark(backup.home, how, EQUAL)


def _inside(backup: Backups, how: Recipe) -> PostgresServer:
    return PostgresServer(
        url=in_database(backup.home.url, how.places.beside), connect_timeout_s=backup.connect_timeout_s
    )


def _mark(home: PostgresServer, how: Recipe, state: str) -> None:
    beside = how.places.beside
    remark = Restored(backup=how.one.name, manifest=how.one.sha256, beside=beside, state=state).remark
    escaped = remark.replace("'", "''")
    home.act_at_length(f"COMMENT ON DATABASE {quoted(beside)} IS '{escaped}'")


def _run(work: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        # Nothing is filled in here, so every % is meant.
        work.run(statement.replace("%", "%%"))
