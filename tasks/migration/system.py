"""The door to a team's migration tool: Alembic, Drizzle, Prisma, Flyway, a script of their own."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

from pydantic import ConfigDict, Field, SecretStr, model_validator

from tasks.how_far import Progress, watched
from tasks.migration.queries import AT_WORK, OWN_LOCK_TIMEOUT, SCHEMA
from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.postgres.refusals import quoted
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url
from tasks.program import ProgramFailed, ProgramTookTooLong, Ran, run
from tasks.system import System

# Under this name its sessions are seen in pg_stat_activity, where its driver heeds libpq's variables.
APPLICATION = "incident-migration"
REVISION = "{revision}"
# A revision stands in a command line: nothing in it may look like an option, a path or a shell's word.
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,99}")


class MigrationTool(System):
    """The team's own commands, as argument lists that no shell sees. `{revision}` stands for where to go.

    The database's URL is handed over in `url_variable` of the command's environment, never in its arguments.
    `PGOPTIONS` carries the lock timeout: libpq, psycopg, node-postgres and pgx heed it. A tool that does not, and one
    that comes through a pooler, needs `lock_timeout` set for its role (ALTER ROLE … SET lock_timeout = '5s').
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "migration"
    config_lines: ClassVar[str] = (
        'url = "${MIGRATION_DATABASE_URL}"       # the owner of the tables; handed to the commands as DATABASE_URL\n'
        'folder = "/srv/app"                     # where the commands are run\n'
        'current = ["alembic", "current"]\n'
        'newest = ["alembic", "heads"]\n'
        'apply = ["alembic", "upgrade", "{revision}"]\n'
        'back = ["alembic", "downgrade", "{revision}"]\n'
        'backup_command = ["/srv/app/backup-age"]  # prints when the last backup ended, as ISO 8601 or Unix seconds'
    )

    url: Url
    url_variable: str = Field(default="DATABASE_URL", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    variables: Mapping[str, SecretStr] = Field(default_factory=dict)
    folder: Path
    current: tuple[str, ...] = Field(min_length=1)
    newest: tuple[str, ...] = Field(min_length=1)
    # Lists what would be applied, for a person to read.
    pending: tuple[str, ...] = ()
    apply: tuple[str, ...] = Field(min_length=1)
    back: tuple[str, ...] = ()
    # Of the lines that `current` and `newest` print, those with a revision, which is the first group.
    revision_pattern: str = r"^\s*([A-Za-z0-9_.]+)(?: \(head\))?\s*$"
    # What the tool calls a database to which nothing was applied.
    before_first: str = Field(default="base", pattern=_REVISION.pattern)
    backup_command: tuple[str, ...] = ()
    backup_files: str = ""
    lock_timeout_s: float = Field(default=5, gt=0, le=60)
    status_limit_s: float = Field(default=60, gt=0, le=600)
    apply_limit_s: float = Field(default=1800, gt=0, le=86400)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if re.compile(self.revision_pattern).groups != 1:
            raise ValueError("revision_pattern needs exactly one group, which is the revision")
        for name in ("apply", "back"):
            argv = getattr(self, name)
            if argv and REVISION not in argv:
                raise ValueError(
                    f'{name} must name "{{revision}}" as an argument of its own, to go where it was planned'
                )
        if self.backup_command and self.backup_files:
            raise ValueError("give backup_command or backup_files, not both")
        return self

    @property
    def database(self) -> PostgresServer:
        """The database that is migrated, to look at."""
        return PostgresServer(url=self.url, statement_timeout_s=self.status_limit_s)

    def current_revision(self) -> str:
        """Where the database stands; `before_first` if nothing was ever applied.

        Raises:
            CannotLook, Refused: the command does not tell.
        """
        return self._revision("current", self.current) or self.before_first

    def newest_revision(self) -> str:
        """Where the folder's migrations lead.

        Raises:
            CannotLook, Refused: the command does not tell, or tells of several.
        """
        found = self._revision("newest", self.newest)
        if not found:
            raise Refused(
                f"`{shlex.join(self.newest)}` names no migration.",
                remedy="Run it by hand in the folder; correct `newest` or `revision_pattern`.",
            )
        return found

    def listed(self) -> tuple[str, ...]:
        """What `pending` prints; nothing if it is not configured.

        Raises:
            CannotLook, Refused: the command fails.
        """
        return self.ask(self.pending) if self.pending else ()

    def ask(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The lines that a command prints which changes nothing.

        Raises:
            CannotLook, Refused: the command fails.
        """
        return self._run(argv, self.status_limit_s, []).lines

    def migrate(self, argv: Sequence[str]) -> Ran:
        """Run a command that changes the schema, saying its last line while it works.

        Raises:
            ProgramFailed, ProgramTookTooLong, Refused: as `tasks.program.run`. What they say is redacted.
        """
        heard: list[str] = []
        said = functools.partial(_last, heard)
        with watched(said):
            return self._run(argv, self.apply_limit_s, heard)

    def refuse_unlimited(self) -> None:
        """Nobody should approve a migration that may wait for a lock without end.

        Raises:
            Refused: a pooler takes no limit from us, and the role has none of its own; CannotLook: no answer.
        """
        if self.database.direct() or self.database.rows(OWN_LOCK_TIMEOUT)[0]["limited"]:
            return
        raise Refused(
            f"{self.database.address} leads to a pooler, which takes no lock timeout from us: a migration that gets no "
            "lock would wait without end, and everybody behind it.",
            remedy="Give the migration's url the server's own address, past the pooler, often port 5432. Or give its "
            "role the limit, and the pool new sessions (RECONNECT in its console): ALTER ROLE "
            f"{quoted(self.database.place.user)} SET lock_timeout = '{self.lock_timeout_s:g}s';",
        )

    def objects(self) -> dict[str, str]:
        """Every object of the schema with its definition.

        Raises:
            CannotLook, Refused: no answer.
        """
        return {f"{row['kind']} {row['name']}": str(row["definition"]) for row in self.database.rows(SCHEMA)}

    def at_work(self) -> list[Row]:
        """Sessions of the tool that the server still knows.

        Raises:
            CannotLook, Refused: no answer.
        """
        return self.database.rows(AT_WORK, application=APPLICATION)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            current, newest = self.current_revision(), self.newest_revision()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{self.database.address} stands at {current}; the newest is {newest}.")

    def _revision(self, key: str, argv: Sequence[str]) -> str:
        found = {m[1] for line in self.ask(argv) if (m := re.match(self.revision_pattern, line))}
        if len(found) > 1:
            raise Refused(
                f"`{shlex.join(argv)}` names several revisions: {', '.join(sorted(found))}.",
                remedy=f"Merge the branches, or correct `{key}` or `revision_pattern`, so that it is one.",
            )
        revision = next(iter(found), "")
        if revision and not _REVISION.fullmatch(revision):
            raise Refused(
                f"`{shlex.join(argv)}` names {revision!r}, which is no revision a command line may hold.",
                remedy="Correct `revision_pattern`.",
            )
        return revision

    def _run(self, argv: Sequence[str], limit_s: float, heard: list[str]) -> Ran:
        try:
            ran = run(
                argv,
                limit_s=limit_s,
                heard=lambda line: heard.append(self._redacted(line)),
                environment=self._environment(),
                folder=self.folder,
            )
        except ProgramFailed as error:
            raise ProgramFailed(self._shown(error.ran)) from None
        except ProgramTookTooLong as error:
            raise ProgramTookTooLong(self._shown(error.ran), limit_s) from None
        return self._shown(ran)

    def _environment(self) -> dict[str, str]:
        # At a lock that does not come, fail: whoever comes after would wait behind us.
        ours = {"PGOPTIONS": f"-c lock_timeout={round(1000 * self.lock_timeout_s)}", "PGAPPNAME": APPLICATION}
        return {
            **({} if self._pooled() else ours),
            **{name: value.get_secret_value() for name, value in self.variables.items()},
            self.url_variable: self.url.get_secret_value(),
        }

    def _pooled(self) -> bool:
        """Does a pooler stand between? It refuses the one variable, and gives the name on to others."""
        try:
            return not self.database.direct()
        except CannotLook:
            # The command says better than we why it gets no answer either.
            return False

    def _shown(self, ran: Ran) -> Ran:
        return dataclasses.replace(ran, lines=tuple(map(self._redacted, ran.lines)))

    def _redacted(self, line: str) -> str:
        url = self.url.get_secret_value()
        password = urlsplit(url).password or ""
        secrets = {url, password, unquote(password), *(value.get_secret_value() for value in self.variables.values())}
        for secret in sorted(secrets - {""}, key=len, reverse=True):
            line = line.replace(secret, "***")
        return line


def _last(heard: Sequence[str]) -> Progress | None:
    return Progress(says=heard[-1]) if heard else None
