"""The door to two Postgres stores that should hold the same rows, of which one may be the source of truth."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.mirror.queries import SETTINGS, STORE
from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.postgres.session import APPLICATION, Session
from tasks.postgres.system import PostgresServer
from tasks.system import System

# The record keeps a line for each row of a plan; more are for a resync, which is planned in ranges.
MOST_ROWS = 10_000


class Side(enum.StrEnum):
    """The two stores, and neither of them."""

    LEFT = "left"
    RIGHT = "right"
    NONE = "none"


class Store(PostgresServer):
    """One of the two: a Postgres door with a name that people use for it."""

    name: str = Field(min_length=1, max_length=40)
    type: Literal["postgres"] = "postgres"
    # Comparing reads a whole table: a million rows took 3 to 5 s (see compare.py), and a busy server takes longer.
    statement_timeout_s: float = Field(default=60, gt=0, le=600)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that can only read, in which equal values have equal texts.

        Raises:
            CannotLook, Refused: no connection.
        """
        with self._opened(reads=True) as session:
            session.run(SETTINGS)
            yield session

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """A transaction of the role that acts: committed at the block's end, undone if the block raises.

        Raises:
            CannotLook, Refused: no connection; or no answer to COMMIT, then it may or may not have happened.
        """
        with self._opened(reads=False) as session:
            session.run("BEGIN")
            session.run(SETTINGS)
            yield session
            session.run("COMMIT")

    def _opened(self, *, reads: bool) -> Session:
        return Session.open(
            self.url if reads else self._actor,
            application=APPLICATION,
            connect_timeout_s=self.connect_timeout_s,
            limit_s=self.statement_timeout_s,
            reads=reads,
        )


class Settling(BaseModel):
    """Rows whose `column` (a moment) is younger than `seconds` are left out: replication needs a moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    seconds: float = Field(gt=0)


class Table(BaseModel):
    """One table that both stores have, and what about it should agree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    schema_name: str = Field(default="public", alias="schema")
    key: tuple[str, ...] = Field(min_length=1)
    # Compared: these, or else all that both have. Never those in `ignore`.
    columns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    # Compared, but their values are never shown.
    hidden: tuple[str, ...] = ()
    source_of_truth: Side = Side.NONE
    settling: Settling | None = None
    # A plan that would change more rows than this is refused.
    max_rows: int = Field(default=100, ge=1, le=MOST_ROWS)
    # A full resync may change so many; it is refused until somebody has named the number.
    resync_max_rows: int | None = Field(default=None, ge=1)

    @property
    def title(self) -> str:
        return self.name if self.schema_name == "public" else f"{self.schema_name}.{self.name}"

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Table:
        for name, ours in (("key", self.key), ("columns", self.columns)):
            if twice := [column for column in ours if ours.count(column) > 1]:
                raise ValueError(f"{self.title}: {name} names {twice[0]!r} twice; name it once")
        if both := set(self.ignore) & {*self.key, *self.columns}:
            raise ValueError(f"{self.title}: {min(both)!r} cannot be both ignored and compared; take it out of one")
        return self


class Mirror(System):
    """Two stores that should agree, table by table."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "mirror"
    config_lines: ClassVar[str] = (
        "# url reads: GRANT SELECT on the tables; action_url, of the store that follows, writes them\n"
        'left = { name = "supabase", url = "${LEFT_URL}", action_url = "${LEFT_ACTION_URL}" }\n'
        'right = { name = "crm", url = "${RIGHT_URL}", action_url = "${RIGHT_ACTION_URL}" }\n'
        'tables = [{ name = "prospects", key = ["id"], source_of_truth = "left" }]  # or "right", or "none"'
    )

    left: Store
    right: Store
    tables: tuple[Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_two(self) -> Mirror:
        if self.left.name == self.right.name:
            raise ValueError(f"both stores are called {self.left.name!r}; nobody could tell which one a row is in")
        if self.left.address == self.right.address:
            raise ValueError(f"left and right are the same store, {self.left.address}, which always agrees with itself")
        titles = [table.title for table in self.tables]
        if twice := [title for title in titles if titles.count(title) > 1]:
            raise ValueError(f"tables names {twice[0]!r} twice; name it once")
        return self

    def store(self, side: Side) -> Store:
        return self.left if side is Side.LEFT else self.right

    def table(self, schema: str, name: str) -> Table:
        """The configured table.

        Raises:
            Refused: it is not configured any more.
        """
        for table in self.tables:
            if (table.schema_name, table.name) == (schema, name):
                return table
        raise Refused(f"{schema}.{name} is not among the mirror's tables any more.")

    @contextmanager
    def reading(self) -> Iterator[Both]:
        """Both stores, to be asked at once.

        Raises:
            CannotLook: one does not let us in.
            Refused: or both are one database, by whatever address.
        """
        with self.left.reading() as left, self.right.reading() as right:
            if left.run(STORE) == right.run(STORE):
                raise Refused(
                    f"{self.left.name} and {self.right.name} are one database, which always agrees with itself.",
                    remedy="Correct the url of left or of right.",
                )
            yield Both(left, right)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        from tasks.mirror.shape import pair_of  # here, because it needs this file's Table

        try:
            with self.reading() as both:
                for table in self.tables:
                    try:
                        yield Finding(verdict=Verdict.OK, says=pair_of(self, both, table).says)
                    except Refused as error:
                        yield Finding.unknown(error.says, remedy=error.remedy)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)


class Both:
    """A session in each store; a question is put to both at the same time."""

    def __init__(self, left: Session, right: Session) -> None:
        self.left = left
        self.right = right

    def ask(self, left: str, right: str, **params: object) -> tuple[list[Row], list[Row]]:
        """The rows of either store.

        Raises:
            CannotLook, Refused: one of them did not answer.
        """
        with ThreadPoolExecutor(2) as pool:
            asked = pool.submit(self.left.run, left, **params), pool.submit(self.right.run, right, **params)
            return asked[0].result(), asked[1].result()
