"""The two stores of a mirror, and the tables that should agree in them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.model import Row
from tasks.postgres.beginning import Manner
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer

# The record keeps a line for each row of a plan; more are for a resync, which is planned in ranges.
MOST_ROWS = 10_000
# Where policies hide rows, an error is better than rows that look as if they were missing.
ALL_ROWS = "SET LOCAL row_security = off"


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
        with self._open(self.url) as session:
            session.run(ALL_ROWS)
            yield session

    @contextmanager
    def looking_ahead(self) -> Iterator[Session]:
        """One moment of the store, as the role that acts sees it: what would its changes carry with them? Reads only.

        Raises:
            CannotLook, Refused: no connection.
        """
        with self._open(self._actor, manner=Manner.SNAPSHOT) as session:
            session.run(ALL_ROWS)
            yield session

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """A transaction of the role that acts: committed at the block's end, undone if the block raises.

        Raises:
            CannotLook, Refused: no connection; or no answer to COMMIT, then it may or may not have happened.
        """
        with self._open(self._actor, manner=Manner.CHANGES) as session:
            session.run(ALL_ROWS)
            yield session
            session.run("COMMIT")


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


class Both:
    """A session in each store; a question is put to both at the same time."""

    def __init__(self, stores: tuple[Store, Store], left: Session, right: Session) -> None:
        self.stores = stores
        self.left = left
        self.right = right

    def session(self, side: Side) -> Session:
        return self.left if side is Side.LEFT else self.right

    def ask(self, left: str, right: str, **params: object) -> tuple[list[Row], list[Row]]:
        """The rows of either store.

        Raises:
            CannotLook, Refused: one of them did not answer.
        """
        with ThreadPoolExecutor(2) as pool:
            asked = pool.submit(self.left.run, left, **params), pool.submit(self.right.run, right, **params)
            return asked[0].result(), asked[1].result()
