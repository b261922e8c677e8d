"""The door to what is kept and for how long: a database, and the rules by which its old rows go."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url
from tasks.system import System

Word = Annotated[str, StringConstraints(min_length=1, max_length=63)]
# What a column must hold, or must not: compared with its value as text, and never a part of a statement.
Values = Annotated[tuple[Annotated[str, StringConstraints(max_length=1000)], ...], Field(min_length=1, max_length=1000)]


class Mode(enum.StrEnum):
    """What becomes of an old row."""

    DELETE = "delete"
    # Moved to a table of the same shape and name in the archive's schema; it can be brought back.
    ARCHIVE = "archive"


class Rule(BaseModel):
    """Which rows of a table are old, and what becomes of them.

    `table` is a name, or schema.name, as it is called and not as SQL writes it. A row goes if `age_column` is older
    than so many days, if each column of `where` holds one of the values, and if none of `keep` does. Where a value is
    not known (NULL), the row stays.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Annotated[str, StringConstraints(min_length=1, max_length=127)]
    age_column: Word
    older_than_days: int = Field(ge=1, le=36500)
    mode: Mode
    where: Mapping[Word, Values] = Field(default_factory=dict)
    # What stays for ever: in S1 and S4 the evidence that an address must not be mailed. Case is not heeded.
    keep: Mapping[Word, Values] = Field(default_factory=dict)
    # Rows at which others point: left out (only_unreferenced), or taken with what follows in the tables of `along`.
    only_unreferenced: bool = False
    along: tuple[Annotated[str, StringConstraints(min_length=1, max_length=127)], ...] = ()
    # Up to so many at once are this rule's usual work; more waits for a person.
    unasked_rows: int = Field(default=20_000, ge=0)
    # The most that one run plans; the oldest keys first, the rest another time.
    most_rows: int = Field(default=100_000, ge=1, le=500_000)
    # One transaction each.
    batch_rows: int = Field(default=2000, ge=1, le=50_000)

    @property
    def place(self) -> tuple[str, str]:
        """Schema and name."""
        return place_of(self.table)

    @property
    def name(self) -> str:
        """By which a plan names it: no two rules have the same."""
        return f"{'.'.join(self.place)} by {self.age_column}"


class Retention(System):
    """A database's rules for old rows.

    `url` reads the tables; `action_url` writes: SELECT and DELETE on them, SELECT on those that point at them, and for
    archives CREATE on the archive's schema.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "retention"
    config_lines: ClassVar[str] = (
        'url = "${POSTGRES_URL}"                # reads: GRANT SELECT on the tables TO its role\n'
        'action_url = "${RETENTION_URL}"        # GRANT SELECT, DELETE on the tables, CREATE on schema archive\n'
        "rules = [\n"
        '  { table = "email_events", age_column = "event_timestamp", older_than_days = 730, mode = "delete", '
        'keep = { event_type = ["unsubscribe", "spam_report", "bounce"] } },\n'
        '  { table = "lead_campaign_enrollments", age_column = "updated_at", older_than_days = 90, mode = "archive", '
        'where = { status = ["completed"] }, only_unreferenced = true },\n'
        "]"
    )

    url: Url
    action_url: Url
    # Drills only: a role that may write the tables.
    drill_url: Url | None = None
    rules: tuple[Rule, ...] = Field(min_length=1)
    archive_schema: Word = "archive"
    # Between two batches, so that others and the replicas keep up.
    pause_s: float = Field(default=0.1, ge=0, le=60)
    # A row that somebody holds is left for the next time; what follows it is waited for so long.
    lock_s: float = Field(default=2, gt=0, le=30)
    connect_timeout_s: float = Field(default=3, gt=0, le=60)
    # Counting old rows reads an index, or the whole table where there is none.
    statement_timeout_s: float = Field(default=120, gt=0, le=600)

    @model_validator(mode="after")
    def _evidence_stays(self) -> Self:
        names = [rule.name for rule in self.rules]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"rules: there are two for {twice[0]}; make them one, or two age columns")
        kept = {rule.place for rule in self.rules if rule.keep}
        for rule in self.rules:
            if rule.only_unreferenced and rule.along:
                raise ValueError(f"rules: {rule.table} has only_unreferenced, so nothing goes along; remove one")
            for table in rule.along:
                # 3-5: that is how unsubscribes went with the enrolments they hung on.
                if place_of(table) in kept:
                    raise ValueError(
                        f"rules: rows of {table} would go along with {rule.table}, and some of them are to be kept; "
                        "use only_unreferenced"
                    )
            if rule.place[0] == self.archive_schema:
                raise ValueError(f"rules: {rule.table} lies in the archive itself")
        return self

    @property
    def database(self) -> PostgresServer:
        """Where the rows are."""
        return PostgresServer(
            url=self.url,
            action_url=self.action_url,
            drill_url=self.drill_url,
            connect_timeout_s=self.connect_timeout_s,
            statement_timeout_s=self.statement_timeout_s,
        )

    def rule(self, name: str) -> Rule:
        """The rule of this name.

        Raises:
            Refused: the configuration has it no more.
        """
        found = next((rule for rule in self.rules if rule.name == name), None)
        if found is None:
            raise Refused(f"There is no rule for {name} any more.", remedy="Plan it again.")
        return found

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for ask, does in ((self.database.rows, "are counted"), (self.database.rows_as_actor, "are taken away")):
            try:
                ask("SELECT 1")
            except CannotLook as error:
                yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            else:
                tables = ", ".join(rule.table for rule in self.rules)
                yield Finding(verdict=Verdict.OK, says=f"{self.database.address} answers; old rows of {tables} {does}.")


def place_of(table: str) -> tuple[str, str]:
    """Schema and name of a table as a rule writes it: without a schema it is public's."""
    schema, dot, name = table.partition(".")
    return (schema, name) if dot else ("public", schema)
