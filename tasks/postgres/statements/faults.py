"""Ways to have a statement run that does not end."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.postgres.own_names import found
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble

# A join without its condition: every mail beside every lead, some thousand million rows.
RUNAWAY = "SELECT count(*) FROM {left}, {right}"
STOPS_WITHIN_S = 10.0

_log = logging.getLogger(__name__)


class LetReportRunAway(Fault):
    """Let somebody start a report that never ends."""

    def __init__(self, left: str = "email_sends", right: str = "leads") -> None:
        self.left = left
        self.right = right

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            session = mending.enter_context(postgres.drill_session("report"))
            session.run("SET max_parallel_workers_per_gather = 0")
            report = _Report(
                session, RUNAWAY.format(left=_table(session, self.left), right=_table(session, self.right))
            )
            mending.callback(report.stop)
            report.start()
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _table(session: Session, name: str) -> str:
    if table := found(session, name):
        return table
    raise Refused(
        f"There is no table {name} to report on.",
        remedy=f"Create it, or name others: {LetReportRunAway.__name__}(left=…, right=…).",
    )


class _Report:
    """Somebody who waits for the answer, and gives up when the statement is cancelled."""

    def __init__(self, session: Session, statement: str) -> None:
        self._session = session
        self._statement = statement
        self._thread = threading.Thread(target=self._run, name="report", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Cancel it, if nobody did."""
        if self._thread.is_alive():
            self._session.cancel()
        self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        try:
            self._session.run(self._statement)
        except CannotLook as error:
            # Cancelled, by the step or above.
            _log.info("The report ended: %s", error.says)
