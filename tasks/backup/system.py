"""The door to a database's backups: where it is, where they are kept, and where each is restored once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, Field

from tasks.backup.content import tables_of
from tasks.backup.programs import Programs, programs_for
from tasks.backup.queries import MAY_RESTORE
from tasks.backup.shelf import Backup, backups
from tasks.bucket.system import Bucket
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url
from tasks.system import System

# As Postgres numbers itself: 180001 is 18.1.
MAJOR = 10_000
WHERE_TO_RESTORE = (
    "Write under backup in environments.toml:\n\n"
    'restore_url = "${RESTORE_DATABASE_URL}"   # a superuser of its server, by another database: …/postgres'
)


class Backups(System):
    """One database's backups. They are made where this process runs, with Postgres' own programs.

    The role of `url` reads every row and needs a session of its own: no transaction pooler. `scratch_url` leads to a
    server, of the same version or a newer one, on which a database of our own is made for each trial and dropped again;
    its role is a superuser, because the restored extensions and owners take one. Nothing else there is touched.

    `restore_url` is for the day on which the database is lost: a superuser of its server, by another database of it.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "backup"
    config_lines: ClassVar[str] = (
        'url = "${BACKUP_DATABASE_URL}"           # reads all: GRANT pg_read_all_data TO its role; past any pooler\n'
        'folder = "/var/backups/app"              # kept here, for their owner only\n'
        'scratch_url = "${SCRATCH_DATABASE_URL}"  # each is restored there once, into a database of its own, and\n'
        "                                         # compared: a superuser of a server with nothing else of value"
    )

    url: Url
    folder: Path
    scratch_url: Url
    # Where a lost database is brought back, by another database of that server. Nothing else uses it.
    restore_url: Url | None = None
    # Run in what was brought back before anybody gets in: what keeps senders from working off its old queue.
    senders_off: tuple[str, ...] = ()
    # Where pg_dump is, if not where we look.
    bin: Path | None = None
    # A copy elsewhere.
    bucket: Bucket | None = None
    # The newest of so many days, ISO weeks and months is kept. The newest good one always is.
    keep_daily: int = Field(default=7, ge=1, le=400)
    keep_weekly: int = Field(default=4, ge=0, le=400)
    keep_monthly: int = Field(default=6, ge=0, le=400)
    # pg_dump and pg_restore, each.
    limit_s: float = Field(default=6 * 3600, gt=0, le=48 * 3600)
    connect_timeout_s: float = Field(default=3, gt=0, le=60)

    @property
    def source(self) -> PostgresServer:
        """The database that is backed up."""
        return PostgresServer(url=self.url, connect_timeout_s=self.connect_timeout_s)

    @property
    def scratch(self) -> PostgresServer:
        """The server on which they are tried."""
        return PostgresServer(url=self.scratch_url, connect_timeout_s=self.connect_timeout_s)

    @property
    def home(self) -> PostgresServer:
        """The server on which a lost database is brought back.

        Raises:
            Refused: nobody has said which, or by the database itself.
        """
        if self.restore_url is None:
            raise Refused("Nobody has said where a lost database is brought back.", remedy=WHERE_TO_RESTORE)
        found = PostgresServer(url=self.restore_url, connect_timeout_s=self.connect_timeout_s)
        if found.place.database == self.source.place.database:
            raise Refused(
                f"restore_url leads to {found.address}, the database itself, and that may be gone.",
                remedy=WHERE_TO_RESTORE,
            )
        return found

    @cached_property
    def address(self) -> str:
        """Which database's backups these are."""
        return self.source.address

    def kept(self) -> list[Backup]:
        """All that are whole, the newest first.

        Raises:
            CannotLook: the folder cannot be read.
        """
        return backups(self.folder, self.address)

    def programs(self, version: int) -> Programs:
        """pg_dump and its like for a server of this version, as it numbers itself.

        Raises:
            Refused: there are none that fit; or the scratch server could not take what they write.
        """
        return self._fitting(version, self.scratch, "scratch_url", "a server of yours with nothing else of value on it")

    def programs_to_restore(self, version: int) -> Programs:
        """pg_restore and its like, to bring back what a server of this version held.

        Raises:
            Refused: there are none that fit; or the server could not take what they write. CannotLook: no answer.
        """
        return self._fitting(version, self.home, "restore_url", "the server on which it is brought back")

    def _fitting(self, version: int, onto: PostgresServer, key: str, where: str) -> Programs:
        found = programs_for(version // MAJOR, self.bin)
        row = onto.rows(MAY_RESTORE)[0]
        newest = int(str(row["version"])) // MAJOR
        if newest < found.major:
            raise Refused(
                f"{onto.address} is Postgres {newest}, and what pg_dump {found.major} writes cannot be restored there.",
                remedy=f"Give {key} a server of Postgres {found.major} or newer"
                + (f", or install postgresql-client-{newest}." if newest >= version // MAJOR else "."),
            )
        if not row["everything"]:
            raise Refused(
                f"{row['user']} on {onto.address} is no superuser: extensions and owners could not be restored as they "
                "were.",
                remedy=f"Give {key} a superuser, of {where}.",
            )
        return found

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with self.source.snapshot() as moment:
                tables = tables_of(moment)
                version = int(str(moment.run(MAY_RESTORE)[0]["version"]))
            programs, kept = self.programs(version), self.kept()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        proven = sum(one.proven_at is not None for one in kept)
        yield Finding(
            verdict=Verdict.OK,
            says=f"{len(tables)} tables of {self.address} can be backed up with {programs.path('pg_dump')} and tried "
            f"on {self.scratch.address}; {proven} of {len(kept)} backups in {self.folder} are proven.",
        )
        if self.bucket is not None:
            yield from self.bucket.examine()
