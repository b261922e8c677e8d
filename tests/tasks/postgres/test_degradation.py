"""The questions about a server's condition: healthy servers raise nothing, and the blind say so."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from deployments.cluster import binaries
from tasks.check import Check
from tasks.model import Threshold, Verdict
from tasks.postgres.replication.checks import check_replication_lag
from tasks.postgres.server.checks import CACHE_HITS, CHECKPOINT_RATE, TEMP_RATE, WAL_RATE
from tasks.postgres.tables.checks import DAY_S, TIME_LEFT, check_database_size
from tasks.postgres.vacuum.age import TRANSACTION_AGE, check_transaction_age
from tasks.postgres.vacuum.checks import check_autovacuum
from tasks.program import run
from tests.tasks.postgres.condition import CONDITION
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.counting import MIB, ask

# Nobody sees how far they have come without.
SEES_SEQUENCES = "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO actor"


@pytest.mark.parametrize("asked", CONDITION, ids=lambda asked: asked.name)
def test_it_raises_nothing_on_a_healthy_server(stage: Stage, asked: Check[Any]) -> None:
    stage.admin(SEES_SEQUENCES)
    first = ask(stage, asked)
    assert first.verdict is Verdict.OK, first.says
    # Or the next look would have nothing to compare with.
    assert first.value is not None
    if _compares(asked):
        again = ask(stage, asked, first)
        assert again.verdict is Verdict.OK, again.says


def test_it_raises_nothing_on_a_busy_but_healthy_server(stage: Stage) -> None:
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; {SEES_SEQUENCES}")
    bench = str(binaries() / "pgbench")
    environment = stage.door().drill_environment()
    run([bench, "--initialize", "--quiet"], limit_s=60, environment=environment)
    first = {asked: ask(stage, asked) for asked in CONDITION}

    def work() -> None:
        run([bench, "--client=2", "--time=4"], limit_s=60, environment=environment)

    load = threading.Thread(target=work)
    load.start()
    try:
        until(lambda: stage.admin("SELECT 1 FROM pgbench_history LIMIT 1"), "it is busy")
        during = {asked.name: ask(stage, asked, first[asked]) for asked in CONDITION if _compares(asked)}
        during |= {asked.name: ask(stage, asked) for asked in CONDITION if not _compares(asked)}
    finally:
        load.join()

    assert {name: found.says for name, found in during.items() if found.verdict} == {}


def _compares(asked: Check[Any]) -> bool:
    return "earlier" in asked.fn.__annotations__


@pytest.mark.parametrize("asked", CONDITION, ids=lambda asked: asked.name)
def test_it_raises_nothing_on_an_empty_database(stage18: Stage, asked: Check[Any]) -> None:
    stage18.admin("DROP TABLE leads")
    assert ask(stage18, asked).verdict is Verdict.OK


@pytest.mark.parametrize(
    "asked",
    [check_replication_lag, check_transaction_age, check_database_size, check_autovacuum],
    ids=lambda asked: asked.name,
)
def test_it_is_unknown_to_a_role_that_may_not_see(stage: Stage, asked: Check[Any]) -> None:
    found = asked.fn(stage.door("nobody_special"))

    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "GRANT pg_monitor TO nobody_special;"


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (CACHE_HITS, 0.96, Verdict.OK),
        (CACHE_HITS, 0.95, Verdict.WARN),
        (CACHE_HITS, 0.8, Verdict.BAD),
        (TEMP_RATE, 10 * 2**30 - 1, Verdict.OK),
        (TEMP_RATE, 100 * 2**30, Verdict.BAD),
        (CHECKPOINT_RATE, 11, Verdict.OK),
        (CHECKPOINT_RATE, 12, Verdict.WARN),
        (CHECKPOINT_RATE, 120, Verdict.BAD),
        (WAL_RATE, 36_000 * MIB - 1, Verdict.OK),
        (WAL_RATE, 180_000 * MIB, Verdict.BAD),
        (TRANSACTION_AGE, 499_999_999, Verdict.OK),
        (TRANSACTION_AGE, 500_000_000, Verdict.WARN),
        (TRANSACTION_AGE, 1_000_000_000, Verdict.BAD),
        (TIME_LEFT, 31 * DAY_S, Verdict.OK),
        (TIME_LEFT, 30 * DAY_S, Verdict.WARN),
        (TIME_LEFT, 7 * DAY_S, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because
