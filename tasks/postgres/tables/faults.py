"""A way to make an index waste its room."""

from __future__ import annotations

import time
from contextlib import ExitStack

from tasks.fault import Fault
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
            mending.callback(_remove, owner)
            _remove(owner)
            with postgres.drill_session("cleanup-job") as writer:
                pid = writer.pid
                for statement in (
                    f"CREATE TABLE {TABLE} (id int, note text) WITH (autovacuum_enabled = false)",
                    f"INSERT INTO {TABLE} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n",  # noqa: S608
                    f"CREATE INDEX {TABLE}_note ON {TABLE} (note)",
                    f"DELETE FROM {TABLE} WHERE id %% {KEPT} <> 0",  # noqa: S608
                ):
                    writer.run(statement)
            _await_gone(owner, pid)
            owner.run(f"VACUUM (ANALYZE) {TABLE}")
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _remove(owner: Session) -> None:
    owner.run(f"DROP TABLE IF EXISTS {TABLE}")


def _await_gone(owner: Session, pid: int) -> None:
    """A session tells the counters of dead rows as it ends: after VACUUM, and they would count what is gone already."""
    until = time.monotonic() + ENDS_WITHIN_S
    while owner.run("SELECT FROM pg_stat_activity WHERE pid = %(pid)s", pid=pid) and time.monotonic() < until:
        time.sleep(POLL_S)
