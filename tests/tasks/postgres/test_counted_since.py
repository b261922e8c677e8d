"""How old a count is: a crash, a promotion and a reset begin it anew, and the server's start does not tell."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import psycopg
import pytest

from tasks.model import Earlier, Verdict
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.checks import check_idle_indexes
from tasks.postgres.indexes.drops import DropIdleIndexes
from tasks.postgres.locks.checks import check_deadlocks
from tasks.postgres.server.checks import check_cache_hits
from tasks.postgres.statements import looks
from tasks.postgres.vacuum import actions, checks
from tasks.postgres.vacuum.actions import AnalyzeTable
from tasks.postgres.vacuum.checks import check_dead_rows, check_stale_statistics
from tasks.postgres.values import number
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged, until
from tests.tasks.postgres.keeper import keeper


@pytest.fixture(params=["postgres18", "postgres15"])
def crashing(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A server of its own, which may be crashed."""
    shared: Server = request.getfixturevalue(request.param)
    counting = {"shared_preload_libraries": "pg_stat_statements"}
    with own_server(shared.cluster.bin, counting) as server, staged(server) as ready:
        yield ready


def answers(stage: Stage) -> bool:
    try:
        stage.admin("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def crash(stage: Stage) -> None:
    """One session's process is killed: Postgres ends all others, recovers, and goes on under the same postmaster."""
    with psycopg.connect(stage.admin_url) as session, psycopg.connect(stage.admin_url) as another:
        os.kill(session.info.backend_pid, signal.SIGKILL)
        # Not before that did Postgres see it: who connects sooner is thrown out as well.
        until(lambda: not survives(another), "all sessions are gone")
    until(lambda: answers(stage), "the server is back")


def survives(session: psycopg.Connection) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def scans(stage: Stage) -> int:
    return int(str(stage.admin("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'used'")[0][0]))


def up_s(stage: Stage) -> float:
    rows = stage.admin("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8")
    return float(str(rows[0][0]))


def test_it_drops_nothing_on_counters_that_a_crash_has_emptied(
    crashing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "WORTH_DROPPING_BYTES", 0)
    crashing.admin("CREATE INDEX used ON leads (status); ALTER TABLE leads OWNER TO app")
    with crashing.session("web") as session:
        session.execute("SET enable_seqscan = off")
        for _ in range(500):
            session.execute("SELECT * FROM leads WHERE status = 'x'")
    until(lambda: scans(crashing) == 500, "its use is counted")
    crash(crashing)
    assert scans(crashing) == 0
    # As long as the server runs, by its own start.
    monkeypatch.setattr(spare, "LONG_ENOUGH_S", up_s(crashing))

    found = check_idle_indexes.fn(crashing.door())
    plan = DropIdleIndexes().plan(keeper(crashing))

    assert (found.verdict, found.rows) == (Verdict.OK, [])
    assert found.says.startswith("Which indexes are unused cannot be told yet: queries are counted for ")
    assert found.says.endswith(" s (31 days are needed), since the server was made, restored, or crashed.")
    assert plan.commands == ()
    assert plan.does.startswith("Nothing to drop: queries are counted for ")


def test_it_compares_with_nothing_from_before_a_crash(crashing: Stage) -> None:
    first = {asked: asked.fn(crashing.door()) for asked in (check_cache_hits, check_deadlocks)}
    crash(crashing)

    for asked, before in first.items():
        # All zero: what has been counted since the crash is more.
        told = {key: 0 if isinstance(value, float | int) else value for key, value in before.facts.items()}
        found = asked.fn(crashing.door(), earlier=Earlier(at_s=0, value=0, facts=told))
        assert "in the last" not in found.says
        assert "since the last look" not in found.says


def test_it_has_those_tables_counted_that_a_crash_has_made_unknown(
    crashing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million dead rows are no dead rows then, for us and for autovacuum; what was never analysed has no estimate."""
    for module in (checks, actions):
        monkeypatch.setattr(module, "LARGE_ROWS", 1000)
    crashing.admin("GRANT CREATE ON SCHEMA public TO app")
    for name in ("known", "never"):
        crashing.admin(
            f"SET ROLE app; CREATE TABLE {name} (n int, fills text) WITH (autovacuum_enabled = off);"
            f"ALTER TABLE {name} ALTER fills SET STORAGE PLAIN"
        )
        crashing.admin(f"INSERT INTO {name} SELECT n, repeat('x', 7000) FROM generate_series(1, 2000) n")  # noqa: S608
    crashing.admin("VACUUM (ANALYZE) known")
    crashing.admin("DELETE FROM known WHERE n > 100")
    postgres = keeper(crashing)
    until(lambda: "1 table behind" in check_dead_rows.fn(postgres).says, "the dead rows are counted")
    crash(crashing)

    found = [asked.fn(postgres) for asked in (check_dead_rows, check_stale_statistics)]
    plan = AnalyzeTable().plan(postgres)

    for one in found:
        assert one.verdict is Verdict.WARN
        assert re.sub(r"\d+ s old", "N s old", one.says).endswith(
            " Unknown, for us and for autovacuum, is the state of public.known, public.never: the counters are N s "
            "old, since the server was made, restored, or crashed, and ANALYZE has not counted anew."
        )
        assert one.remedy == "ANALYZE public.known; ANALYZE public.never;"
    assert [command.line for command in plan.commands] == ['ANALYZE "public"."known";', 'ANALYZE "public"."never";']
    assert AnalyzeTable().apply(postgres, plan).complete
    until(lambda: "1 table behind" in check_dead_rows.fn(postgres).says, "the dead rows are counted anew")
    assert "Unknown" not in check_stale_statistics.fn(postgres).says


def test_it_counts_a_statement_since_the_crash(crashing: Stage) -> None:
    """A second a minute is nothing in a month, and much in the minute that is counted."""
    crashing.admin("CREATE EXTENSION pg_stat_statements")
    crash(crashing)
    crashing.admin("SELECT count(*) FROM leads")

    rows = looks.look(crashing.door(), "public")

    assert rows
    assert all(number(row["counted_for_s"]) < up_s(crashing) - ran_before_s(crashing) for row in rows.values())


def ran_before_s(stage: Stage) -> float:
    """How long the server ran until it crashed."""
    ran = "SELECT extract(epoch FROM stats_reset - pg_postmaster_start_time())::float8 FROM pg_stat_archiver"
    return float(str(stage.admin(ran)[0][0]))
