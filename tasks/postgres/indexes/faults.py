"""A way to make the statements of a Postgres slow: the index they need is gone."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack

from tasks.fault import Fault
from tasks.model import CannotLook, Refused, Row
from tasks.postgres.indexes.queries import INDEXES_ON
from tasks.postgres.indexes.work import concurrently
from tasks.postgres.own_names import found
from tasks.postgres.refusals import quoted
from tasks.postgres.session import Session
from tasks.postgres.statements.looks import in_schema
from tasks.postgres.statements.queries import RESET_STATEMENT, STATEMENT_STATISTICS
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble

# A page of leads with the number of their mails: quick with the index, one reading of the whole table each without.
HOT_QUERY = (
    "SELECT l.id, l.name, (SELECT count(*) FROM {mails} s WHERE s.lead_id = l.id) AS mails "
    "FROM {leads} l WHERE l.id = ANY (%(page)s)"
)
LEADS = "leads"
# Without the index a page takes about so long, whatever the machine and what else it does: twice what counts as slow on
# average, and far below what counts as running away, which is another drill's fault.
PAGE_TAKES_S = 1.0
FIRST_PAGE = 10
LARGEST_PAGE = 240
# A site is not a benchmark: with the index a visitor asks a dozen times a second, not a thousand times.
PAUSE_S = 0.08
STOPS_WITHIN_S = 10.0

_log = logging.getLogger(__name__)


class DropIndexUnderLoad(Fault):
    """Drop the index of the busiest page while visitors load it."""

    def __init__(self, table: str = "email_sends", column: str = "lead_id", visitors: int = 3) -> None:
        self.table = table
        self.column = column
        self.visitors = visitors

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            owner = mending.enter_context(postgres.drill_session("migration"))
            table, leads = found(owner, self.table), found(owner, LEADS)
            dropped = self._indexes(owner, table) if table and leads else []
            if not dropped:
                raise Refused(
                    f"There is no index on {self.column} of {self.table} to drop, or no table {LEADS} beside it.",
                    remedy=f"Create it, or name another: {type(self).__name__}(table=…, column=…).",
                )
            page = HOT_QUERY.replace("{mails}", str(table)).replace("{leads}", str(leads))
            mending.callback(_forget, owner, page)
            mending.callback(self._restore, owner, str(table), [str(index["definition"]) for index in dropped])
            for index in dropped:
                _drop(owner, index)
            # Undone backwards: the visitors leave first, so that the index is built in peace.
            for n in range(1, self.visitors + 1):
                visitor = _Visitor(mending.enter_context(postgres.drill_session(f"web-{n}")), f"web-{n}", page, seed=n)
                mending.callback(visitor.leave)
                visitor.start()
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()

    def _indexes(self, owner: Session, table: str) -> list[Row]:
        return owner.run(INDEXES_ON, table=table.replace("%%", "%"), column=self.column)

    def _restore(self, owner: Session, table: str, definitions: list[str]) -> None:
        """Put the indexes back under their own names; take away what the step under rehearsal built, or half built."""
        there = self._indexes(owner, table)
        kept = [index for index in there if index["valid"] and index["definition"] in definitions]
        surplus = [index for index in there if index not in kept]
        # First those that bear a name we need; what the step built serves the table until ours stand.
        for index in [one for one in surplus if one["definition"] in definitions]:
            _drop(owner, index)
        for definition in definitions:
            if definition not in [index["definition"] for index in kept]:
                owner.run(concurrently(definition).replace("%", "%%"))
        for index in [one for one in surplus if one["definition"] not in definitions]:
            _drop(owner, index)


def _drop(owner: Session, index: Row) -> None:
    name = f"{quoted(str(index['schema']))}.{quoted(str(index['name']))}"
    owner.run(f"DROP INDEX CONCURRENTLY {name}".replace("%", "%%"))


def _forget(owner: Session, page: str) -> None:
    """Reset the page's statistics, where we may: else the next look would still see the rehearsal in them."""
    there = owner.run(STATEMENT_STATISTICS)[0]
    if there["schema"] is None or not there["usable"] or not there["preloaded"]:
        return
    begins = f"{page.partition(' WHERE ')[0].replace('%%', '%')}%"
    try:
        owner.run(in_schema(RESET_STATEMENT, str(there["schema"])), begins=begins)
    except Refused as error:
        _log.info("The statistics of the page are kept: %s", error.says)


def fitting(shown: int, took_s: float) -> int:
    """How many leads the next page shows, after so many took so long; never twice as many at once."""
    wanted = shown * PAGE_TAKES_S / max(took_s, PAGE_TAKES_S / 2)
    return max(1, min(LARGEST_PAGE, round(wanted)))


class _Visitor:
    """Somebody who loads the page again and again until told to leave."""

    def __init__(self, session: Session, name: str, page: str, seed: int) -> None:
        self._session = session
        self._page = page
        self._leads = [seed * 1000 + n for n in range(LARGEST_PAGE)]
        self._leaves = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        """Finish the page being loaded; cancel it if it takes too long."""
        self._leaves.set()
        self._thread.join(STOPS_WITHIN_S)
        if self._thread.is_alive():
            self._session.cancel()
            self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        shown = FIRST_PAGE
        while not self._leaves.is_set():
            began = time.monotonic()
            try:
                self._session.run(self._page, page=self._leads[:shown])
            except CannotLook as error:
                # Cancelled above, or ended by somebody: either way this visitor is gone.
                _log.info("%s left: %s", self._thread.name, error.says)
                return
            shown = fitting(shown, time.monotonic() - began)
            self._leaves.wait(PAUSE_S)
