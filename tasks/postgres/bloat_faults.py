"""A way to make an index waste its room."""

from __future__ import annotations

from contextlib import ExitStack

from tasks.fault import Fault
from tasks.postgres.faults import Trouble
from tasks.postgres.system import PostgresServer, Session

# A table of the drill's own: nobody's rows are touched, and taking it away mends everything.
TABLE = "incident_drill_bloat"
# An index of some twenty MiB, of which nine tenths are empty afterwards: no page of it is quite empty.
ROWS = 300_000
KEPT = 10


class BloatIndex(Fault):
    """Delete nine rows in ten, so that an index keeps the room of all."""

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            owner = mending.enter_context(postgres.drill_session("cleanup-job"))
            mending.callback(_remove, owner)
            for statement in (
                f"DROP TABLE IF EXISTS {TABLE}",
                f"CREATE TABLE {TABLE} (id int, note text) WITH (autovacuum_enabled = false)",
                f"INSERT INTO {TABLE} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n",  # noqa: S608
                f"CREATE INDEX {TABLE}_note ON {TABLE} (note)",
                f"DELETE FROM {TABLE} WHERE id %% {KEPT} <> 0",  # noqa: S608
                f"VACUUM (ANALYZE) {TABLE}",
            ):
                owner.run(statement)
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _remove(owner: Session) -> None:
    owner.run(f"DROP TABLE IF EXISTS {TABLE}")
