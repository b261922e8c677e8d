"""Ways to make two stores disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.fault import Fault
from tasks.mirror.changes import target_of
from tasks.mirror.queries import DRILL_ADD, DRILL_CHANGE, DRILL_REMOVE, DRILL_ROWS
from tasks.mirror.shape import Shape, pair_of
from tasks.mirror.stores import Side, Store
from tasks.mirror.system import Mirror
from tasks.model import Refused
from tasks.postgres.session import Session

JOB = "sync-job"
# So that it can neither hang behind somebody's lock nor leave a transaction open.
LIMIT_S = 10.0


@dataclass(frozen=True)
class Drifted:
    """What was broken, and what it takes to mend it: the rows as they were, as JSON."""

    store: Store
    relation: str
    first_key: str
    rows: Sequence[str]
    keys: Sequence[str]


class DriftRows(Fault):
    """Change, delete and add records in the store that follows."""

    def __init__(self, column: str = "name", rows: int = 4) -> None:
        """`rows` of each: changed in `column`, deleted, and moved to another key. The first table that has a source of
        truth and a single key of whole numbers above zero is used.
        """
        self.column = column
        self.rows = rows

    def cause(self, mirror: Mirror) -> Drifted:
        table = next((table for table in mirror.tables if table.source_of_truth is not Side.NONE), None)
        if table is None:
            raise Refused(
                "No table of the mirror has a source of truth, so no step could mend what this would break.",
                remedy='source_of_truth = "left"  # for one of its tables',
            )
        with mirror.reading() as both:
            shape = pair_of(both, table).shape(target_of(table))
        store = mirror.store(target_of(table))
        with _session(store) as session:
            return self._break(session, store, shape)

    def cure(self, trouble: Drifted) -> None:
        """Put the rows back as they were, whatever they are now."""
        with _session(trouble.store) as session:
            names = {"relation": trouble.relation, "first_key": trouble.first_key}
            session.run(DRILL_REMOVE.format(**names), keys=list(trouble.keys))
            session.run(DRILL_ADD.format(**names), rows=f"[{','.join(trouble.rows)}]")

    def _break(self, session: Session, store: Store, shape: Shape) -> Drifted:
        first_key, column = self._columns(shape)
        names = {"relation": shape.relation, "first_key": first_key, "column": column}
        found = session.run(DRILL_ROWS.format(**names), rows=3 * self.rows)
        if len(found) < 3 * self.rows or int(str(found[0]["key"])) <= 0:
            raise Refused(f"{shape.relation} in {store.name} has no {3 * self.rows} rows with keys above zero.")
        keys = [str(row["key"]) for row in found]
        changed, gone = keys[: self.rows], keys[self.rows :]
        moved = [
            {**json.loads(str(row["row"])), shape.key[0].name: -int(str(row["key"]))} for row in found[-self.rows :]
        ]
        session.run(DRILL_CHANGE.format(**names), keys=changed)
        session.run(DRILL_REMOVE.format(**names), keys=gone)
        session.run(DRILL_ADD.format(**names), rows=json.dumps(moved))
        return Drifted(
            store=store,
            relation=shape.relation,
            first_key=first_key,
            rows=[str(row["row"]) for row in found],
            keys=[*keys, *(f"-{key}" for key in keys)],
        )

    def _columns(self, shape: Shape) -> tuple[str, str]:
        """The key and the column to change, as the server quotes them."""
        column = next((c for c in shape.compared if c.name == self.column and c.family == "text"), None)
        if column is None or len(shape.key) > 1 or shape.key[0].family != "number":
            raise Refused(
                f"{shape.relation} has no text column {self.column!r}, or no single key of numbers.",
                remedy=f"Name another column: {type(self).__name__}(column=…), or another table first in the mirror.",
            )
        return shape.key[0].quoted.replace("%", "%%"), column.quoted.replace("%", "%%")


@contextmanager
def _session(store: Store) -> Iterator[Session]:
    """A transaction of an application's role."""
    with store.drill_session(JOB) as session:
        limit = f"{round(1000 * LIMIT_S)}ms"
        session.run("SELECT set_config('lock_timeout', %(limit)s, false)", limit=limit)
        session.run("BEGIN")
        yield session
        session.run("COMMIT")
