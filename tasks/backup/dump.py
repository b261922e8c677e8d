"""Write one backup: count and hash every row, and let pg_dump write them as of that very moment."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tasks.backup import shelf
from tasks.backup.content import About, about, content_of
from tasks.backup.programs import Programs, connected, run_saying
from tasks.backup.system import Backups
from tasks.model import Refused
from tasks.postgres.refusals import quoted

# zlib's own default: twice the level takes twice the time for a hundredth of the room.
COMPRESSION = 6


def dump(backup: Backups) -> shelf.Backup:
    """A new backup on the shelf, whole and not proven yet. The folder must be ours alone (`shelf.alone`).

    Raises:
        ProgramFailed, ProgramTookTooLong: pg_dump did not end well; nothing is left of it.
        CannotLook, Refused: the database does not answer, or the folder cannot be written.
    """
    began = time.monotonic()
    with backup.source.snapshot() as moment:
        if not moment.direct:
            raise Refused(
                f"{backup.address} leads to a pooler: pg_dump would see another moment than we.",
                remedy="Give the backup's url the server's own address, past the pooler, often port 5432.",
            )
        what = about(moment)
        programs = backup.programs(what.version)
        at = datetime.fromisoformat(what.at)
        name = shelf.name_for(backup.source.place.database, at)
        with shelf.writing(backup.folder, name) as place:
            snapshot = str(moment.run("SELECT pg_export_snapshot() AS snapshot")[0]["snapshot"])
            content = content_of(moment)
            with connected(backup.url, backup.folder) as environment:
                _write(backup, programs, snapshot, place, environment)
            (place / shelf.HOW).write_text(_how(backup, what, programs), encoding="utf-8")
            body = {
                "format": shelf.FORMAT,
                "source": backup.address,
                "at": at.isoformat(),
                "server": dataclasses.asdict(what),
                "programs": programs.major,
                "took_s": round(time.monotonic() - began, 1),
                "content": content.as_json(),
                "files": shelf.described(place),
            }
            shelf.write(place / shelf.MANIFEST, body)
    return next(one for one in backup.kept() if one.name == name)


def _how(backup: Backups, what: About, programs: Programs) -> str:
    """The way back, for whoever has nothing but this folder."""
    restored = f"{backup.source.place.database}_restored"
    create = f"CREATE DATABASE {quoted(restored)} TEMPLATE template0 {what.locale}"
    return f"""\
{backup.address} (Postgres {what.says}) as of {what.at}; pg_dump {programs.major}.

1. Stop whatever sends or works off a queue: mailers, workers, cron. The queue in here is as it was then: what was sent
   since would go out a second time.
2. The roles, without their passwords. On a server that has them, leave out those lines:
   psql -X -v ON_ERROR_STOP=1 -d postgres -f {shelf.GLOBALS}
3. The rows, into a database of another name, and not over what is left of the old one:
   psql -X -d postgres -c {shlex.quote(create)}
   pg_restore --exit-on-error --no-subscriptions --dbname={shlex.quote(restored)} {shelf.DUMP}
4. Compare: {shelf.MANIFEST} has the number of rows of each table.
5. Before anything sends again: what was queued before {what.at} against the provider's log of what went out.
"""


def dump_command(programs: Programs, place: str, snapshot: str) -> list[str]:
    """The rows and all that is made of them: compressed, in the format of which pg_restore sees that it is whole."""
    return [
        programs.path("pg_dump"), "--format=custom", f"--compress={COMPRESSION}", "--no-password", "--verbose",
        f"--snapshot={snapshot}", f"--file={place}/{shelf.DUMP}",
    ]  # fmt: skip


def globals_command(programs: Programs, place: str, database: str) -> list[str]:
    """The server's roles, of which a dump has the names only. Without their passwords, which only a superuser reads."""
    return [
        programs.path("pg_dumpall"), "--globals-only", "--no-role-passwords", "--no-password", "--verbose",
        f"--database={database}", f"--file={place}/{shelf.GLOBALS}",
    ]  # fmt: skip


def _write(backup: Backups, programs: Programs, snapshot: str, place: Path, environment: Mapping[str, str]) -> None:
    database = backup.source.place.database
    for argv in (dump_command(programs, str(place), snapshot), globals_command(programs, str(place), database)):
        run_saying(argv, dict(environment), backup.limit_s)
