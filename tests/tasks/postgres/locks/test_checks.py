"""What the checks answer: sick, healthy look-alikes, and blind."""

from __future__ import annotations

import re

import pytest

from tasks.check import Check
from tasks.model import CannotLook, Earlier, Json, Threshold, Verdict
from tasks.postgres.locks import jam
from tasks.postgres.locks.checks import (
    DEADLOCK_RATE,
    IDLE_TRANSACTION,
    LOCK_WAIT,
    LONG_TRANSACTION,
    check_blocked_sessions,
    check_deadlocks,
    check_idle_in_transaction,
    check_long_transactions,
)
from tasks.postgres.locks.queries import DEADLOCKS
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.counting import counting_began

TOUCH = "UPDATE leads SET status = status WHERE id = {}"
ALL = (check_blocked_sessions, check_long_transactions, check_idle_in_transaction)
# What a test can reach without waiting: everything is bad at once.
AT_ONCE = Threshold(warn=-2, bad=-1, because="Owner: this test.")


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (LOCK_WAIT, 4.9, Verdict.OK),
        (LOCK_WAIT, 5, Verdict.WARN),
        (LOCK_WAIT, 29.9, Verdict.WARN),
        (LOCK_WAIT, 30, Verdict.BAD),
        (LONG_TRANSACTION, 299, Verdict.OK),
        (LONG_TRANSACTION, 300, Verdict.WARN),
        (LONG_TRANSACTION, 1799, Verdict.WARN),
        (LONG_TRANSACTION, 1800, Verdict.BAD),
        (IDLE_TRANSACTION, 59, Verdict.OK),
        (IDLE_TRANSACTION, 60, Verdict.WARN),
        (IDLE_TRANSACTION, 299, Verdict.WARN),
        (IDLE_TRANSACTION, 300, Verdict.BAD),
        (DEADLOCK_RATE, 0.9, Verdict.OK),
        (DEADLOCK_RATE, 1, Verdict.WARN),
        (DEADLOCK_RATE, 59, Verdict.WARN),
        (DEADLOCK_RATE, 60, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_every_limit(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict


@pytest.mark.parametrize("asked", [*ALL, check_deadlocks])
def test_it_gives_a_reason_and_an_owner_for_every_limit(asked: Check[...]) -> None:
    assert all("Owner:" in threshold.because for threshold in asked.thresholds.values())


def test_it_says_who_waits_for_whom(stage: Stage, impatient: None) -> None:
    holder = stage.begins("billing-worker", TOUCH.format(1))
    for n in range(3):
        stage.queues(stage.session(f"web-{n}"), TOUCH.format(1))

    found = check_blocked_sessions.fn(stage.door(), AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert re.sub(r"(?<!-)\b\d+ s\b", "N s", found.says) == (
        f"3 sessions wait for a lock, the longest N s (bad from -1 s); at the head is pid {holder.info.backend_pid} "
        "(billing-worker), idle in transaction for N s, which holds a row of leads: its end frees 3."
    )
    assert (found.unit, found.facts) == ("s", {"waiting": 3, "heads": 1})
    assert found.rows[0]["query"] == "UPDATE leads SET status = status WHERE id = ?"


def test_it_says_it_of_one_session_and_of_two_heads(stage18: Stage, impatient: None) -> None:
    stage18.begins("job-1", TOUCH.format(1))
    stage18.queues(stage18.session("web-1"), TOUCH.format(1))
    assert check_blocked_sessions.fn(stage18.door()).says.startswith("1 session waits for a lock, ")

    stage18.begins("job-2", TOUCH.format(2))
    stage18.queues(stage18.session("web-2"), TOUCH.format(2))
    found = check_blocked_sessions.fn(stage18.door())
    assert "2 sessions wait for a lock, the longest " in found.says
    assert "; of 2 heads the worst is pid " in found.says


def test_it_is_ok_when_nobody_waits(stage: Stage) -> None:
    stage.begins("billing-worker", TOUCH.format(1))
    stage.session("web-1").execute(TOUCH.format(2))

    found = check_blocked_sessions.fn(stage.door())

    assert (found.verdict, found.value, found.rows) == (Verdict.OK, 0.0, [])
    assert found.says == "No session has waited for a lock for 1 s or longer (bad from 30 s)."


def test_it_does_not_follow_chains_when_nobody_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would cost the server 40 MB at each look."""
    monkeypatch.setattr(jam, "LOCK_WAITS", "SELECT 1 / 0")

    assert check_blocked_sessions.fn(stage.door()).verdict is Verdict.OK


def test_it_is_ok_when_waits_are_short(stage18: Stage) -> None:
    stage18.begins("billing-worker", TOUCH.format(1))
    stage18.queues(stage18.session("web-1"), TOUCH.format(1))

    assert check_blocked_sessions.fn(stage18.door()).verdict is Verdict.OK


def test_it_finds_a_long_transaction(stage: Stage, impatient: None) -> None:
    session = stage.begins("report", "SELECT 1")

    found = check_long_transactions.fn(stage.door(), AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"The oldest transaction is open for 0 s (bad from -1 s): pid {session.info.backend_pid} (report)."
    )
    assert found.rows[0]["user"] == "app"


def test_it_finds_a_prepared_transaction_that_nobody_waits_for_yet(preparing: Stage, impatient: None) -> None:
    preparing.begins("shop", TOUCH.format(1)).execute("PREPARE TRANSACTION 'order 7'")
    try:
        found = check_long_transactions.fn(preparing.door(), AT_ONCE)
        waits = check_blocked_sessions.fn(preparing.door(), AT_ONCE)
    finally:
        preparing.admin("ROLLBACK PREPARED 'order 7'")

    assert found.verdict is Verdict.BAD
    assert re.sub(r"for \d+ s", "for N s", found.says) == (
        "The oldest transaction is open for N s (bad from -1 s): the prepared transaction 'order 7' of app."
    )
    assert "Ask its coordinator" in found.remedy
    assert "COMMIT PREPARED 'order 7';" in found.remedy
    assert waits.rows == []


@pytest.mark.parametrize(("name", "user"), [("pg_dump", "app"), ("incident-pipelines", "reader")])
def test_it_does_not_mind_transactions_that_are_meant_to_be_long(
    stage18: Stage, name: str, user: str, impatient: None
) -> None:
    stage18.begins(name, "SELECT 1", user=user)

    found = check_long_transactions.fn(stage18.door(), AT_ONCE)

    assert found.rows == []


def test_it_does_not_mind_an_index_build(stage: Stage, impatient: None) -> None:
    stage.begins("report", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM leads")
    stage.queues(stage.session("migration", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")

    found = check_long_transactions.fn(stage.door(), AT_ONCE)

    assert [row["application"] for row in found.rows] == ["report"]


def test_it_says_that_no_transaction_is_long(stage18: Stage) -> None:
    found = check_long_transactions.fn(stage18.door())

    assert found.says == "No transaction is open for 1 s or longer (bad from 30 min)."
    assert found.verdict is Verdict.OK


def test_it_finds_a_session_idle_in_a_transaction(stage: Stage, impatient: None) -> None:
    session = stage.begins("billing-worker", "SELECT 1")

    found = check_idle_in_transaction.fn(stage.door(), AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"1 session sits idle in a transaction, for 0 s (bad from -1 s): pid {session.info.backend_pid} "
        "(billing-worker)."
    )


def test_it_does_not_call_work_or_rest_idle_in_transaction(stage: Stage, impatient: None) -> None:
    stage.runs(stage.begins("batch", TOUCH.format(1)), "SELECT pg_sleep(30)")
    until(lambda: stage.admin("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"), "batch works")
    stage.session("web-1").execute("SELECT 1")

    found = check_idle_in_transaction.fn(stage.door())
    stage.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batch'")

    assert found.says == "No session is idle in a transaction for 0 s or longer (bad from 5 min)."


@pytest.mark.parametrize("asked", ALL)
def test_it_does_not_call_blindness_health(stage: Stage, asked: Check[...]) -> None:
    postgres = stage.door(reads="nobody_special")

    found = asked.fn(postgres)

    assert found.verdict is Verdict.UNKNOWN
    assert found.says == f"{postgres.address} hides other users' sessions from nobody_special."
    assert found.remedy == "GRANT pg_monitor TO nobody_special;"


@pytest.mark.parametrize("asked", [*ALL, check_deadlocks])
def test_it_cannot_look_when_the_server_is_down(asked: Check[...]) -> None:
    with pytest.raises(CannotLook):
        asked.fn(PostgresServer.model_validate({"url": "postgresql://u:p@127.0.0.1:1/db"}))


def deadlock(stage: Stage) -> None:
    """Two sessions lock two rows in opposite order; the server ends one of them."""
    before = stage.door().rows(DEADLOCKS)[0]["deadlocks"]
    first = stage.begins("job-1", TOUCH.format(1))
    second = stage.begins("job-2", TOUCH.format(2))
    stage.runs(first, TOUCH.format(2))
    stage.runs(second, TOUCH.format(1))
    # Postgres reports its counters when a session goes idle or ends.
    until(lambda: not stage.chains(), "the deadlock is broken")
    for thread in stage.threads:
        thread.join(10)
    first.close()
    second.close()
    until(lambda: stage.door().rows(DEADLOCKS)[0]["deadlocks"] != before, "the deadlock is counted")


def earlier(facts: dict[str, Json], **changed: Json) -> Earlier:
    return Earlier(at_s=0, value=0, facts={**facts, **changed})


def test_it_counts_deadlocks_since_the_last_look(stage: Stage) -> None:
    first = check_deadlocks.fn(stage.door())
    deadlock(stage)
    database = first.facts["database"]

    found = check_deadlocks.fn(stage.door(), earlier=earlier(dict(first.facts)))

    # One in less than five minutes counts as one in five minutes.
    assert (found.verdict, found.value, found.unit) == (Verdict.WARN, 12.0, "1/h")
    assert re.sub(r"look \d+ s", "look N s", found.says) == (
        f"1 deadlock in {database} since the last look N s ago: 12 an hour (bad from 60)."
    )


def test_it_is_ok_without_a_new_deadlock(stage18: Stage) -> None:
    first = check_deadlocks.fn(stage18.door())

    found = check_deadlocks.fn(stage18.door(), earlier=earlier(dict(first.facts)))

    assert (found.verdict, found.value) == (Verdict.OK, 0.0)
    assert found.says == f"No deadlock in {first.facts['database']} since the last look 0 s ago (bad from 60 an hour)."


@pytest.mark.parametrize("changed", [{"counting": "another"}, {"deadlocks": 99}])
def test_it_does_not_compare_with_a_count_that_was_reset(stage18: Stage, changed: dict[str, Json]) -> None:
    facts = dict(check_deadlocks.fn(stage18.door()).facts)

    found = check_deadlocks.fn(stage18.door(), earlier=earlier(facts, **changed))

    assert "since the last look" not in found.says


def test_it_judges_the_average_since_a_known_reset(stage: Stage) -> None:
    stage.admin("SELECT pg_stat_reset()")
    deadlock(stage)

    found = check_deadlocks.fn(stage.door())

    assert found.value == 12.0
    assert re.sub(r"\d+ s since", "N s since", found.says) == (
        f"1 deadlock in {found.facts['database']} in the N s since {counting_began(stage, by_reset=True)}: 12 an hour "
        "(bad from 60)."
    )


def test_it_says_at_the_first_look_that_none_was_counted(stage: Stage) -> None:
    found = check_deadlocks.fn(stage.door())

    assert found.verdict is Verdict.OK
    assert re.sub(r"the \d+ (s|min|h) since", "the N s since", found.says) == (
        f"No deadlock in {found.facts['database']} in the N s since {counting_began(stage)} (bad from 60 an hour)."
    )


def test_it_says_limits_as_the_environment_sets_them(stage18: Stage) -> None:
    strict = Threshold(warn=1, bad=2.5, because="Owner: this test.")

    assert check_blocked_sessions.fn(stage18.door(), strict).says.endswith("(bad from 2.5 s).")
