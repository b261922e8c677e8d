"""A way to make an index waste its room."""

from __future__ import annotations

import time
from contextlib import ExitStack

from tasks.fault import Fault
from tasks.postgres.own_names import at_home
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble

# A table of the drill's own: nobody's rows are touched, and taking it away mends everything.
TABLE = "incident_drill_bloat"
# An index of some twenty MiB, of which nine tenths are empty afterwards: no page of it is quite empty.
ROWS = 300_000
KEPT = 10
ENDS_WITHIN_S = 5.0
POLL_S = 0.05


class BloatIndex(Fault):
    """Delete nine rows in ten, so that an index keeps the room of all."""

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            owner = mending.enter_context(postgres.drill_session("cleanup-job"))
            table = at_home(owner, TABLE)
            mending.callback(_remove, owner, table)
            _remove(owner, table)
            with postgres.drill_session("cleanup-job") as writer:
                pid = writer.pid
                for statement in (
                    f"CREATE TABLE {table} (id int, note text) WITH (autovacuum_enabled = false)",
                    f"INSERT INTO {table} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n",  # noqa: S608
                    f"CREATE INDEX {TABLE}_note ON {table} (note)",
                    f"DELETE FROM {table} WHERE id %% {KEPT} <> 0",  # noqa: S608
                ):
                    writer.run(statement)
            _await_gone(owner, pid)
            owner.run(f"VACUUM (ANALYZE) {table}")
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _remove(owner: Session, table: str) -> None:
    owner.run(f"DROP TABLE IF EXISTS {table}")


def _await_gone(owner: Session, pid: int) -> None:
    """A session tells the counters of dead rows as it ends: after VACUUM, and they would count what is gone already."""
    until = time.monotonic() + ENDS_WITHIN_S
    while owner.run("SELECT FROM pg_stat_activity WHERE pid = %(pid)s", pid=pid) and time.monotonic() < until:
        time.sleep(POLL_S)
