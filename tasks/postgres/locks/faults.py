"""Ways to make sessions of a Postgres hold each other up."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.postgres.locks.queries import SPARE_COLUMN, STILL_WAITING
from tasks.postgres.own_names import found
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble

HOLDER = "billing-worker"
# Somebody who holds the row already would make the rehearsal hang instead of the lab.
HOLDS_WITHIN_S = 5.0
QUEUES_WITHIN_S = 10.0
ENDS_WITHIN_S = 5.0
POLL_S = 0.05

_log = logging.getLogger(__name__)


class LeaveTransactionOpen(Fault):
    """Leave a transaction open on a hot row, with sessions queueing behind it."""

    def __init__(self, table: str = "leads", key: str = "id", row: int | None = None, waiters: int = 3) -> None:
        """`row` is the hot row's key; without one, the smallest in the table."""
        self.table = table
        self.key = key
        self.row = row
        self.waiters = waiters

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            holder = mending.enter_context(postgres.drill_session(HOLDER))
            update, row = self._update(holder)
            holder.run("SELECT set_config('lock_timeout', %(limit)s, false)", limit=f"{round(1000 * HOLDS_WITHIN_S)}ms")
            holder.run("BEGIN")
            holder.run(update, row=row)
            queue: list[_Waiter] = []
            for n in range(1, self.waiters + 1):
                waiter = _Waiter(mending.enter_context(postgres.drill_session(f"web-{n}")), f"web-{n}", update, row)
                mending.callback(waiter.join)
                queue.append(waiter)
            # The stack is undone backwards: the holder lets go first, then nobody has to wait any more.
            mending.callback(holder.close)
            for waiter in queue:
                waiter.start()
            _wait_until_queued(postgres, [waiter.session.pid for waiter in queue])
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()

    def _update(self, session: Session) -> tuple[str, object]:
        """A statement that locks the hot row and changes nothing, and that row's key."""
        table = found(session, self.table)
        columns = session.run(SPARE_COLUMN, table=table.replace("%%", "%")) if table else []
        if not columns:
            raise Refused(
                f"There is no table {self.table} with a plain column to update.",
                remedy=f"Create it, or name another: {type(self).__name__}(table=…, key=…).",
            )
        column = columns[0]["column"]
        # The names come from a declaration in a runbook's file, never from an alert.
        update = f"UPDATE {table} SET {column} = {column} WHERE {self.key} = %(row)s"  # noqa: S608
        return update, self._smallest(session, str(table)) if self.row is None else self.row

    def _smallest(self, session: Session, table: str) -> object:
        rows = session.run(f"SELECT {self.key} AS key FROM {table} ORDER BY {self.key} LIMIT 1")  # noqa: S608
        if not rows:
            raise Refused(f"{self.table} is empty: there is no row to lock.", remedy="Fill it, or name another table.")
        return rows[0]["key"]


class _Waiter:
    """A session of its own thread that updates the row and leaves, as a web request would."""

    def __init__(self, session: Session, name: str, update: str, row: object) -> None:
        self.session = session
        self._thread = threading.Thread(target=self._run, args=(update, row), name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for the update to come through; cancel it if somebody else holds the row too."""
        if self._thread.ident is None:
            return
        self._thread.join(ENDS_WITHIN_S)
        if self._thread.is_alive():
            self.session.cancel()
            self._thread.join(ENDS_WITHIN_S)

    def _run(self, update: str, row: object) -> None:
        try:
            self.session.run(update, row=row)
        except CannotLook as error:
            # Ended by the action under rehearsal, or cancelled above: both are ways to leave the queue.
            _log.info("%s left the queue: %s", self._thread.name, error.says)


def _wait_until_queued(postgres: PostgresServer, pids: list[int]) -> None:
    until = time.monotonic() + QUEUES_WITHIN_S
    while len(postgres.rows(STILL_WAITING, pids=pids)) < len(pids):
        if time.monotonic() > until:
            raise CannotLook(f"Not all of {len(pids)} sessions queued behind the open transaction in time.")
        time.sleep(POLL_S)
