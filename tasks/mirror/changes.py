"""What is to be done to rows of the store that follows."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.mirror.compare import Sick
from tasks.mirror.shape import Key
from tasks.mirror.stores import Side, Table
from tasks.postgres.along import Amounts


class Verb(enum.StrEnum):
    """What is done to a row of the target."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def done(self) -> str:
        return {"insert": "inserted", "update": "updated", "delete": "deleted"}[self]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row of the target: its hash as it was seen, and the hash it shall have; None where there is no row.

    `fields` differ; `along` is what follows in other tables.
    """

    key: Key
    seen: str | None
    wanted: str | None
    fields: tuple[str, ...] = ()
    along: Amounts = field(default_factory=Counter)

    @property
    def verb(self) -> Verb:
        if self.wanted is None:
            return Verb.DELETE
        return Verb.INSERT if self.seen is None else Verb.UPDATE


def target_of(table: Table) -> Side:
    """The store that follows."""
    return Side.RIGHT if table.source_of_truth is Side.LEFT else Side.LEFT


def changes_for(table: Table, rows: Sequence[Sick]) -> list[Change]:
    """What makes the target agree in these rows."""
    source, target = table.source_of_truth, target_of(table)
    return [Change(key=row.key, seen=row.hash(target), wanted=row.hash(source)) for row in rows]
