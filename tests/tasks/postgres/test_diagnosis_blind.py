"""No question of any runbook mistakes its own blindness for health."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pydantic import SecretStr

from runbooks.model import AnyCheck
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.questions import QUESTIONS, ask, every_question, place

# As many as a statement needs to be judged, and one more.
CALLS = 6
# The smallest trace is BAD, nothing at all is OK.
EAGER = {
    asked.name: {
        name: Threshold(warn=1e-9, bad=1e-8, because="Owner: this test.")
        for name, limit in asked.thresholds.items()
        if limit.bad > limit.warn
    }
    for asked in QUESTIONS
}


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def sick(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A bit of everything: a lock queue, an idle transaction, dead rows, an invalid index, twins, a slow statement."""
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin(
            "CREATE EXTENSION pg_stat_statements;"
            "CREATE TABLE sick (id int, twice int) WITH (autovacuum_enabled = off);"
            "INSERT INTO sick SELECT n, n % 2 FROM generate_series(1, 300000) n;"
            "CREATE INDEX sick_one ON sick (id); CREATE INDEX sick_two ON sick (id); DELETE FROM sick WHERE id % 3 = 0"
        )
        with pytest.raises(psycopg.errors.UniqueViolation):
            stage.admin("CREATE UNIQUE INDEX CONCURRENTLY sick_broken ON sick (twice)")
        # Where a statement is counted since the server's start, a hundredth of that time is what matters.
        ((up_s,),) = stage.admin("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8")
        each_s = max(0.25, float(str(up_s)) * 0.02 / CALLS)
        slow = f"SELECT count(*), pg_sleep({each_s}) FROM sick WHERE id = 1"  # noqa: S608 - a number of ours
        with ThreadPoolExecutor(CALLS) as pool:
            list(pool.map(stage.admin, [slow] * CALLS))
        stage.begins("billing-worker", "UPDATE leads SET status = status WHERE id = 1")
        stage.queues(stage.session("web-1"), "UPDATE leads SET status = status WHERE id = 1")
        # Waits and transactions shorter than a second are left out.
        time.sleep(1.1)
        yield stage


def look(asked: AnyCheck, stage: Stage, user: str) -> Finding:
    return ask(asked, place(stage.door(reads=user, acts=user), EAGER))


@every_question
@pytest.mark.parametrize("user", ["reader", "nobody_special"])
def test_it_never_calls_blindness_health(asked: AnyCheck, sick: Stage, user: str) -> None:
    everything, seen = look(asked, sick, "boss"), look(asked, sick, user)

    if seen.verdict is Verdict.UNKNOWN:
        assert seen.remedy, seen.says
    else:
        assert seen.verdict >= everything.verdict, (seen.says, everything.says)
        assert len(seen.rows) >= len(everything.rows), (seen.rows, everything.rows)


def test_it_had_something_to_miss(sick: Stage) -> None:
    """What the test above stands on."""
    found = {asked.name: look(asked, sick, "boss") for asked in QUESTIONS}

    bad = {name for name, finding in found.items() if finding.verdict > Verdict.OK}
    assert {
        "check_blocked_sessions",
        "check_idle_in_transaction",
        "check_slow_statements",
        "check_dead_rows",
        "check_invalid_indexes",
    } <= bad


@every_question
def test_it_answers_a_role_that_only_monitors(asked: AnyCheck, sick: Stage) -> None:
    """pg_monitor is all we ask people to grant; what needs more says so."""
    finding = ask(asked, place(sick.door(reads="reader", acts="reader")))

    assert finding.verdict is not Verdict.UNKNOWN or "GRANT" in finding.remedy or "EXPLAIN" in finding.remedy, finding


@every_question
def test_it_says_the_same_where_everything_is_read_only(asked: AnyCheck, sick: Stage) -> None:
    usual = look(asked, sick, "boss")
    url = f"{sick.url('boss').get_secret_value()}?options=-c%20default_transaction_read_only%3Don"
    door = PostgresServer(url=SecretStr(url))

    found = ask(asked, place(door, EAGER))

    assert door.rows("SHOW default_transaction_read_only") == [{"default_transaction_read_only": "on"}]
    assert (found.verdict, len(found.rows)) == (usual.verdict, len(usual.rows)), (found.says, usual.says)
