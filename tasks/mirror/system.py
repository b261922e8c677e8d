"""The door to two Postgres stores that should hold the same rows, of which one may be the source of truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from tasks.mirror.queries import STORE
from tasks.mirror.shape import pair_of
from tasks.mirror.stores import Both, Side, Store, Table
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System


class Mirror(System):
    """Two stores that should agree, table by table."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "mirror"
    config_lines: ClassVar[str] = (
        "# url reads: GRANT SELECT on the tables, and, in the store that follows, TEMPORARY on the database (rows are\n"
        "# tried in a table of our own); action_url, of the store that follows, writes them\n"
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
            yield Both((self.left, self.right), left, right)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with self.reading() as both:
                for table in self.tables:
                    try:
                        yield Finding(verdict=Verdict.OK, says=pair_of(both, table).says)
                    except Refused as error:
                        yield Finding.unknown(error.says, remedy=error.remedy)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
