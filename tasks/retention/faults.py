"""Ways to let old rows pile up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.fault import Fault
from tasks.model import Refused
from tasks.postgres.session import Session
from tasks.retention.queries import DRILL_ADD, DRILL_REMOVE, MAY_COPY
from tasks.retention.rows import Old, old_rows
from tasks.retention.system import Retention

JOB = "forgotten-job"
# So that it can neither hang behind somebody's lock nor leave a transaction open.
LIMIT_S = 10.0
# Beyond the rule's own limit: a day is counted when it is over.
OVERDUE_DAYS = 2


@dataclass(frozen=True)
class Piled:
    """Rows that were added, by their keys, and the statement that removes what is left of them."""

    retention: Retention
    remove: str
    keys: list[str]


class PileUpOldRows(Fault):
    """Leave rows that are long due, as a clean-up that never ran."""

    def __init__(self, rows: int = 25) -> None:
        """`rows` are copied from others of the first rule's table that takes copies: a key of one column, which it
        gives by itself, and no other rule of uniqueness.
        """
        self.rows = rows

    def cause(self, retention: Retention) -> Piled:
        with _session(retention) as session:
            old = self._fitting(session, retention)
            key, age = str(old.key[0]["ident"]), str(old.column(old.rule.age_column)["ident"])
            others = [c["ident"] for c in old.columns if not c["generated"] and c["ident"] not in (key, age)]
            names = {
                "copied": ", ".join(others),
                "copied_from": ", ".join(f"p.{name}" for name in others),
                "bare_age": age,
                "bare_key": key,
            }
            add, remove = old.filled(DRILL_ADD), old.filled(DRILL_REMOVE)
            for name, value in names.items():
                add, remove = (query.replace(f"{{{name}}}", value.replace("%", "%%")) for query in (add, remove))
            days = old.rule.older_than_days + OVERDUE_DAYS
            given = {**old.parameters, "before": "infinity", "age_days": days, "rows": self.rows}
            made = session.run(add, **given)
        if not made:
            raise Refused(f"{old.ident} has no row that the rule is about, of which copies could be made.")
        return Piled(retention, remove, [str(row["key"]) for row in made])

    def cure(self, trouble: Piled) -> None:
        """Remove what is left of them."""
        with _session(trouble.retention) as session:
            session.run(trouble.remove, keys=trouble.keys)

    def _fitting(self, session: Session, retention: Retention) -> Old:
        for rule in retention.rules:
            old = old_rows(session, retention, rule, writes=False)
            alone = len(old.key) == 1 and old.key[0]["identity"]
            if alone and session.run(MAY_COPY, table=old.oid)[0]["may_copy"]:
                return old
        raise Refused(
            "No table of the rules takes copies of its rows, so nothing old can be made for a drill.",
            remedy="Add a rule for a table with a key that it gives by itself, and no other rule of uniqueness.",
        )


@contextmanager
def _session(retention: Retention) -> Iterator[Session]:
    """A transaction of an application's role."""
    with retention.database.drill_session(JOB) as session:
        session.run("SELECT set_config('lock_timeout', %(limit)s, false)", limit=f"{round(1000 * LIMIT_S)}ms")
        session.run("BEGIN")
        yield session
        session.run("COMMIT")
