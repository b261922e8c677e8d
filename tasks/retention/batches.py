"""What a clean-up would take away: a rule's old rows in batches by their keys, and what goes along with each."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.model import Command, Refused, Row
from tasks.postgres.along import (
    Amounts,
    Fate,
    Followed,
    Start,
    Trigger,
    along_as_json,
    amounts,
    follow,
    holding,
    triggers,
)
from tasks.postgres.refusals import quoted
from tasks.postgres.session import Session
from tasks.retention.queries import OLD, UNUSUAL
from tasks.retention.rows import Old, begin, old_rows
from tasks.retention.system import Mode, Retention, place_of

VERB = {Mode.DELETE: "DELETE FROM", Mode.ARCHIVE: "MOVE FROM"}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows from one key to another, so many; and what the server does to others when they go."""

    first: Sequence[str]
    last: Sequence[str]
    rows: int
    bytes: int
    along: Amounts


@dataclass(frozen=True, kw_only=True)
class Due:
    """All that one rule would take now."""

    old: Old
    batches: Sequence[Batch]
    # Each with the number of rows it fires for.
    fires: Sequence[tuple[Trigger, int]]
    # Values that are to be kept, and that no row has.
    unusual: Sequence[str]

    @property
    def rows(self) -> int:
        return sum(batch.rows for batch in self.batches)

    @property
    def bytes(self) -> int:
        return sum(batch.bytes for batch in self.batches)

    @property
    def along(self) -> Amounts:
        return sum((batch.along for batch in self.batches), Counter())

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(command_of(self.old, batch) for batch in self.batches)


def due(session: Session, retention: Retention, mode: Mode) -> list[Due]:
    """What the rules of this mode would take now, one after the other.

    Raises:
        Refused: rows would go along that no rule names, or hold what is to go; CannotLook: no answer.
    """
    begin(session)
    found = [_due(session, retention, old_rows(session, retention, r, writes=True)) for r in _of(retention, mode)]
    return [one for one in found if one.batches]


def command_of(old: Old, batch: Batch) -> Command:
    """One batch, as it is shown and found again: after some were done the others are the same."""
    key = ", ".join(str(column["ident"]) for column in old.key)
    between = f"({key}) BETWEEN ({_values(batch.first)}) AND ({_values(batch.last)})"
    where = f" TO {old.archive}" if old.rule.mode is Mode.ARCHIVE else ""
    line = f"{VERB[old.rule.mode]} {old.ident}{where} WHERE {old.says()} AND {between};  -- {batch.rows:,} rows"
    target: dict[str, Any] = {
        "rule": old.rule.name,
        "before": old.before,
        "first": list(batch.first),
        "last": list(batch.last),
        "rows": batch.rows,
    }
    return Command(line=line, target={**target, **({"along": along_as_json(batch.along)} if batch.along else {})})


def _of(retention: Retention, mode: Mode) -> Iterator[Any]:
    return (rule for rule in retention.rules if rule.mode is mode)


def _due(session: Session, retention: Retention, old: Old) -> Due:
    rows = session.run(old.filled(OLD), **old.parameters, most=old.rule.most_rows)
    size = old.rule.batch_rows
    starts = [Start(who=n // size, table=int(str(row["table"])), place=str(row["place"])) for n, row in enumerate(rows)]
    followed = follow(session, starts)
    _refuse_unnamed(retention, old, followed)
    batches = [_batch(rows[at : at + size], followed.along.get(n, Counter())) for n, at in _steps(len(rows), size)]
    fires = [(one, len(rows)) for one in triggers(session, old.ident, "delete")] if rows else []
    for (table, fate), times in followed.total.items():
        event = "delete" if fate is Fate.DELETED else "update"
        fires += [(one, times) for one in triggers(session, table, event)]
    return Due(old=old, batches=batches, fires=fires, unusual=list(_unusual(session, old)) if rows else [])


def _steps(rows: int, size: int) -> Iterator[tuple[int, int]]:
    return zip(itertools.count(), range(0, rows, size), strict=False)


def _batch(rows: Sequence[Row], along: Amounts) -> Batch:
    first, last = ([str(value) for value in row["key"]] for row in (rows[0], rows[-1]))  # type: ignore[union-attr]
    size = sum(int(str(row["bytes"])) for row in rows)
    return Batch(first=first, last=last, rows=len(rows), bytes=size, along=along)


def _refuse_unnamed(retention: Retention, old: Old, followed: Followed[int]) -> None:
    """What would go without anybody having said so, above all evidence that hangs on what is old (3-5)."""
    held: Amounts = sum(followed.held.values(), Counter())
    if held:
        raise Refused(
            f"Old rows of {old.rule.table} cannot go on {retention.database.address}: {holding(held)}.",
            remedy="Give the rule only_unreferenced = true, or clean those tables up first.",
        )
    # The server quotes a name only where that is needed.
    named = {
        f"{schema}.{name}"
        for table in old.rule.along
        for schema, name in itertools.product(*((word, quoted(word)) for word in place_of(table)))
    }
    beyond = Counter({(table, fate): n for (table, fate), n in followed.total.items() if table not in named})
    if beyond:
        raise Refused(
            f"With old rows of {old.rule.table} on {retention.database.address} others would go: {amounts(beyond)}.",
            remedy="Give the rule only_unreferenced = true, or name those tables in `along` if they are meant to go.",
        )


def _unusual(session: Session, old: Old) -> Iterator[str]:
    for name, values in old.rule.keep.items():
        query = old.filled(UNUSUAL).replace("{column}", str(old.column(name)["ident"]).replace("%", "%%"))
        yield from (str(row["value"]) for row in session.run(query, values=list(values)))


def _values(key: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in key)
