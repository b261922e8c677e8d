"""The door to an application's own database: its mails, campaigns and workflows, whatever their tables are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Self, get_args

from psycopg import sql
from pydantic import ConfigDict, Field

from tasks.application.access.mapping import ApiKeys, Sessions
from tasks.application.fit import Relations, amiss, examined, slow
from tasks.application.mapping import (
    Analytics,
    Campaigns,
    Enrolments,
    Events,
    Executions,
    InboxDays,
    Inboxes,
    Leads,
    Prospects,
    Sends,
    Settings,
    Workflows,
)
from tasks.application.onboarding.mapping import Connections, Onboarding
from tasks.application.part import Name, Part
from tasks.application.queries import NOW, RELATIONS
from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url
from tasks.system import System

# What a file of SQL asks for by its part in the application: {sends}, {sends.status}, {sends.statuses.failed}.
_WANTED = re.compile(r"\{([a-z_.]+)\}")
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
# A column of another type than what it is compared with, a value that its type has not.
_MISFITS = ("SQLSTATE 42883", "SQLSTATE 22P02", "SQLSTATE 22007")
# Where neither is kept, the other tells it.
_DERIVED = "executions.duration_s"


class ApplicationDatabase(System):
    """An application's database, and which of its tables and columns play which part. Reads as `url`.

    A part that is not mapped is not asked about: a question that needs it says which line is missing.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "application"
    config_lines: ClassVar[str] = (
        'url = "${APPLICATION_READER_URL}"   # GRANT SELECT on these tables TO its role\n'
        'sends = { table = "email_sends", id = "id", status = "status", sent_at = "sent_at", failed_at = "failed_at",\n'
        '  statuses = { queued = ["queued"], failed = ["failed"] } }\n'
        "# environments.example.toml shows every part"
    )

    # Asks. Its role needs SELECT on the tables that are mapped, and no more.
    url: Url
    # Changes, after approval; its role may write those tables.
    action_url: Url | None = None
    # Breaks, in drills: an application's role that may write.
    drill_url: Url | None = None
    connect_timeout_s: float = Field(default=3, gt=0, le=60)
    # A day's mails are read by an index; where that is missing, a question gives up rather than reads on.
    statement_timeout_s: float = Field(default=10, gt=0, le=600)
    # Where rows that are taken out are kept; the role of action_url needs CREATE on it.
    archive_schema: Name = "archive"

    sends: Sends | None = None
    events: Events | None = None
    enrolments: Enrolments | None = None
    campaigns: Campaigns | None = None
    leads: Leads | None = None
    executions: Executions | None = None
    analytics: Analytics | None = None
    settings: Settings | None = None
    workflows: Workflows | None = None
    inboxes: Inboxes | None = None
    inbox_days: InboxDays | None = None
    onboarding: Onboarding | None = None
    connections: Connections | None = None
    prospects: Prospects | None = None
    sessions: Sessions | None = None
    api_keys: ApiKeys | None = None

    @property
    def server(self) -> PostgresServer:
        """The same database as a Postgres door, with its limits and its words."""
        return PostgresServer(
            url=self.url,
            action_url=self.action_url,
            drill_url=self.drill_url,
            connect_timeout_s=self.connect_timeout_s,
            statement_timeout_s=self.statement_timeout_s,
        )

    @property
    def address(self) -> str:
        """host:port/database, for people."""
        return self.server.address

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that are mapped, by name."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: part for name, part in named.items() if isinstance(part, Part)}

    def rows(self, query: str, **params: object) -> list[Row]:
        """Ask in a read-only transaction, names and values filled in; one question's looks share a connection.

        Raises:
            Refused: a name that `query` needs is not mapped, or not in the database: the remedy holds the line to
                write. CannotLook: no answer.
        """
        try:
            return self.server.rows(self.filled(query), **params)
        except Refused as error:
            # Only now: a look at the catalog before every question would cost as much as the question.
            asked = self._named_by(query)
            if wrong := next(amiss(self.relations(), asked), None):
                raise Refused(f"{self.address}: {wrong.says}", wrong.remedy) from error
            if any(code in error.says for code in _MISFITS):
                raise Refused(error.says, _compare(asked)) from error
            raise

    def patient(self, limit_s: float) -> Self:
        """The same door with this time limit, for a question that reads weeks; or the configured one, if longer."""
        return self.model_copy(update={"statement_timeout_s": max(limit_s, self.statement_timeout_s)})

    def now(self) -> datetime:
        """The database's own clock: rows are stamped by it, or by what is near it.

        Raises:
            CannotLook, Refused: no answer.
        """
        return datetime.fromisoformat(str(self.server.rows(NOW)[0]["now"]))

    def knows(self, query: str) -> bool:
        """Is every name that `query` needs mapped?"""
        return not self._unmapped(query)

    def filled(self, query: str) -> str:
        """`query` with this application's names, quoted, and values; to be run by a session of our door.

        Raises:
            Refused: a name is not mapped; the remedy holds the lines to write.
        """
        query = self._without_unmapped(query)
        if missing := self._unmapped(query):
            raise _unmapped(missing, self.parts)
        return _WANTED.sub(lambda found: self._written(found[1]) or "", query)

    def column(self, name: str) -> tuple[str, str, str]:
        """Schema, table and column that `name` (events.once) stands for, as the catalog has them.

        Raises:
            Refused: it is not mapped; the remedy holds the lines to write.
        """
        part = self.parts.get(name.partition(".")[0])
        column = self._mapped(name)
        if part is None or column is None:
            raise _unmapped([name], self.parts)
        return part.schema_name, part.table, str(column)

    def values(self, name: str) -> tuple[str, ...]:
        """The values that mean `name` (sends.statuses.queued), one at least.

        Raises:
            Refused: none is mapped; the remedy holds the lines to write.
        """
        found = self._mapped(name)
        if not isinstance(found, tuple):
            raise _unmapped([name], self.parts)
        return found

    def relations(self) -> Relations:
        """What is there, in the schemas that are mapped.

        Raises:
            CannotLook, Refused: no answer.
        """
        schemas = sorted({part.schema_name for part in self.parts.values()})
        return Relations(self.server.rows(RELATIONS, schemas=schemas))

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks: is every table and column there that is mapped, and an index for its times?"""
        try:
            there = self.relations()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        if not self.parts:
            yield Finding.unknown(
                f"{self.address} answers, and no table of it is mapped: nothing can be asked about the application.",
                remedy=self.config_lines,
            )
        everything = {name: frozenset(examined(part)) for name, part in self.parts.items()}
        yield from amiss(there, {name: (part, everything[name]) for name, part in self.parts.items()})
        yield from slow(there, self.parts)

    def _named_by(self, query: str) -> dict[str, tuple[Part, frozenset[str]]]:
        """The parts that `query` asks, and the fields of each."""
        wanted = [name.partition(".") for name in _WANTED.findall(self._without_unmapped(query))]
        if any(f"{part}.{field}" == _DERIVED for part, _, field in wanted):
            wanted += [("executions", ".", field) for field in ("duration_ms", "started_at", "finished_at")]
        return {
            name: (part, frozenset(field for asked, _, field in wanted if asked == name and field))
            for name, part in self.parts.items()
            if any(asked == name for asked, _, _ in wanted)
        }

    def _without_unmapped(self, query: str) -> str:
        return _OPTIONAL.sub(lambda found: "" if self._unmapped(found[1]) else found[1], query)

    def _unmapped(self, query: str) -> list[str]:
        wanted = dict.fromkeys(_WANTED.findall(_OPTIONAL.sub("", query)))
        return [name for name in wanted if self._written(name) is None]

    def _written(self, name: str) -> str | None:
        """What stands in SQL for `name`; None where it is not mapped."""
        part = self.parts.get(name)
        if part is not None:
            return _quoted(part.schema_name, part.table)
        if name == _DERIVED:
            return self._duration()
        mapped = self._mapped(name)
        if isinstance(mapped, tuple):
            return f"({', '.join(map(_literal, mapped))})"
        return None if mapped is None else _quoted(mapped)

    def _mapped(self, name: str) -> str | tuple[str, ...] | None:
        """The column, or the values, that `name` stands for; None where none is mapped."""
        part, _, field = name.partition(".")
        found: object = self.parts.get(part)
        for step in field.split("."):
            found = getattr(found, step) if found is not None and step else None
        if isinstance(found, tuple):
            return found or None
        return None if found is None else str(found)

    def _duration(self) -> str | None:
        """How long a run took, in seconds; unqualified, so only where executions are asked alone."""
        one = self.executions
        if one and one.duration_ms:
            return f"({_quoted(one.duration_ms)} / 1000.0)"
        if one and one.started_at and one.finished_at:
            return f"extract(epoch FROM {_quoted(one.finished_at)} - {_quoted(one.started_at)})"
        return None


def _quoted(*name: str) -> str:
    # psycopg reads a single % as a parameter.
    return sql.Identifier(*name).as_string().replace("%", "%%")


def _literal(value: str) -> str:
    """Untyped, so that it fits a text, a number or an enum."""
    return sql.Literal(value).as_string().replace("%", "%%")


def _unmapped(missing: list[str], parts: dict[str, Part]) -> Refused:
    """Says which lines to write, part by part."""
    lines: list[str] = []
    for name in dict.fromkeys(one.partition(".")[0] for one in missing):
        lines.append(f"[environments.….systems.{ApplicationDatabase.kind}.{name}]")
        if name not in parts:
            lines.append(f'table = "…"  # {(_kind_of(name).__doc__ or "").lower().rstrip(".")}')
        fields = (one.partition(".") for one in missing)
        lines += [_line(name, field) for asked, _, field in fields if asked == name and field]
    return Refused(
        f"Of the application's database is not mapped what this asks about: {', '.join(missing)}.",
        remedy="Write in environments.toml:\n\n" + "\n".join(lines),
    )


def _compare(asked: dict[str, tuple[Part, frozenset[str]]]) -> str:
    """What a person looks at when a type does not fit."""
    named = [
        f"{name}.{field} = {getattr(part, field)}"
        for name, (part, fields) in asked.items()
        for field in examined(part)
        if field in fields
    ]
    return (
        "A column is not what it is mapped to be, or has another type than the one it is compared with, or a value is "
        f"written that its type has not. Compare with the tables: {', '.join(named)}"
    )


def _kind_of(part: str) -> type[Part]:
    kind: type[Part] = get_args(ApplicationDatabase.model_fields[part].annotation)[0]
    return kind


def _line(part: str, field: str) -> str:
    if f"{part}.{field}" == _DERIVED:
        return 'duration_ms = "…"  # or started_at and finished_at: how long a run took'
    outer, _, inner = field.partition(".")
    about = _kind_of(part).model_fields[outer]
    if not inner:
        return f'{outer} = "…"  # {about.description}'
    return f'{field} = ["…"]  # {about.default.__class__.model_fields[inner].description}'
