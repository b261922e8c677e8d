"""An autovacuum that prevents wraparound is not cancelled by who waits for it, as others are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.checks import check_blocked_sessions
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged, until

# The least that a table may set for itself, and a little more.
FREEZE_AT = 100_000
# The administrator's own question holds the same words.
WORKS = (
    "SELECT pid FROM pg_stat_activity WHERE query LIKE '%public.leads (to prevent wrap%' AND query NOT LIKE 'SELECT%'"
)

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def hurried(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose autovacuum looks every second."""
    shared: Server = request.getfixturevalue(request.param)
    with own_server(shared.cluster.bin, {"autovacuum_naptime": "1"}) as server:
        yield server


@pytest.fixture
def wrapping(hurried: Server) -> Iterator[Stage]:
    """An autovacuum is at work to freeze `leads`, and takes its time."""
    with staged(hurried) as stage:
        stage.admin("ALTER TABLE leads OWNER TO app")
        stage.admin("CREATE TABLE numbers (n int)")
        # Each block with a handler that writes is a transaction of its own.
        block = "BEGIN INSERT INTO numbers VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;"
        stage.admin(f"DO $$ BEGIN FOR n IN 1..{FREEZE_AT + 1000} LOOP {block} END LOOP; END $$")
        stage.admin("ALTER TABLE leads SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)")
        # Any longer, and they would be compressed.
        stage.admin("INSERT INTO leads (status) SELECT repeat('x', 1900) FROM generate_series(1, 5000)")
        stage.admin(f"ALTER TABLE leads SET (autovacuum_freeze_max_age = {FREEZE_AT})")
        until(lambda: stage.admin(WORKS), "autovacuum works on it")
        yield stage
        # Who waits for it would wait for minutes.
        stage.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")


def test_it_cancels_the_migration_that_waits_for_it(wrapping: Stage) -> None:
    ((worker,),) = wrapping.admin(WORKS)
    migration = wrapping.queues(wrapping.session("migration"), "ALTER TABLE leads ADD COLUMN note text")
    alone = CancelBlockingQueries().plan(wrapping.door())
    for n in range(2):
        wrapping.queues(wrapping.session(f"web-{n}"), "SELECT count(*) FROM leads")

    found = check_blocked_sessions.fn(wrapping.door())
    plans = [action.plan(wrapping.door()) for action in (CancelBlockingQueries(), TerminateBlockingSessions())]

    assert f"stands behind pid {worker} (autovacuum worker), active for " in found.says
    assert " to prevent wraparound: cancelling it frees 2 behind it." in found.says
    assert [[command.target["pid"] for command in plan.commands] for plan in (alone, *plans)] == [[migration]] * 3
