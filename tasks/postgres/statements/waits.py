"""What of a statement's time was waiting for locks: pg_stat_statements counts a wait for a row like work.

How long a statement waited no counter tells. Two things are known instead. Who waits now is in pg_stat_activity, from
14 on with the statement's number: so much is taken off what was seen with our own eyes. And of what happened while
nobody looked, the pages are counted that it touched: a statement that locks rows, touched five pages and took ten
seconds waited; nothing that is done to statements or indexes makes it faster. Waits for a whole table are in no
statement's time: they come before it is executed.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping

from tasks.kept import let_go
from tasks.model import Row
from tasks.postgres.statements import looks
from tasks.postgres.statements.looks import ENOUGH_CALLS, Span
from tasks.postgres.statements.queries import STATEMENTS_UNDER_WAY
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# How long we watch with our own eyes at most. Long enough for a few calls of whatever a site calls all the time.
SAMPLE_S = 3.0
POLL_S = 0.25
# The most that a page in memory may cost: the few hundred rows it holds, with a condition of some microseconds each.
PAGE_S = 0.001
# The most that a page from the disk may cost: a head that moves, and a queue before it.
PAGE_READ_S = 0.02


def without_waits(span: Span, row: Row) -> Span:
    """`span` of the statement in `row`: if it locks rows, with no more time than its pages can have taken."""
    work_s = PAGE_S * span.pages + PAGE_READ_S * span.pages_read
    return dataclasses.replace(span, total_s=min(span.total_s, work_s)) if row["locks_rows"] else span


def sample(postgres: PostgresServer, schema: str, first: Mapping[str, Row]) -> dict[str, Span]:
    """Watch these statements until each was called often enough to judge, for SAMPLE_S at most; without their waits.

    What was waited for can be seen from 14 on; on 13, and with compute_query_id = off, it is judged by the pages.
    """
    waits = Waits() if looks.shows_waits(postgres) else None
    until = time.monotonic() + SAMPLE_S
    while True:
        let_go()
        time.sleep(POLL_S)
        if waits:
            # Before the counters: rather a wait is taken for work than one off the time of calls that did not wait.
            waits.look(postgres, first)
        now = looks.look(postgres, schema, first)
        spans = {key: looks.since(now[key], looks.remembered(row)) for key, row in first.items() if key in now}
        seen = {key: span for key, span in spans.items() if span is not None}
        if time.monotonic() > until or all(span.calls >= ENOUGH_CALLS for span in seen.values()):
            return {key: _worked(span, first[key], waits) for key, span in seen.items()}


class Waits:
    """The waits for locks that were seen, look after look."""

    def __init__(self) -> None:
        self._began = self._looked = time.monotonic()
        self._waited_s: dict[_Execution, float] = {}
        self._under_way: set[_Execution] = set()

    def look(self, postgres: PostgresServer, keys: Collection[str]) -> None:
        """See who waits now. Each look stands for the time since the last, so that short waits count in proportion."""
        rows = postgres.rows(STATEMENTS_UNDER_WAY, keys=list(keys))
        now = time.monotonic()
        since_s, self._looked = now - self._looked, now
        self._under_way = {_execution(row) for row in rows}
        for row in rows:
            if row["waits"]:
                one = _execution(row)
                # What it had waited before we began, the server tells.
                earlier_s = max(0.0, number(row["waited_s"]) - (now - self._began))
                self._waited_s[one] = self._waited_s.get(one, earlier_s) + since_s

    def of(self, key: str) -> float:
        """Seconds that executions of this statement waited; those under way are in no counter yet."""
        return sum(s for one, s in self._waited_s.items() if one[2] == key and one not in self._under_way)


# Process, moment of its start, and the statement's number.
_Execution = tuple[str, str, str]


def _execution(row: Row) -> _Execution:
    return str(row["pid"]), str(row["query_start"]), str(row["key"])


def _worked(span: Span, row: Row, waits: Waits | None) -> Span:
    if waits is None:
        return without_waits(span, row)
    return dataclasses.replace(span, total_s=max(0.0, span.total_s - waits.of(str(row["key"]))))
