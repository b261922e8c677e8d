"""Workflows, and what they leave undone."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from tasks.application.queries import LAST_RUNS
from tasks.application.workflows.checks import (
    check_expected_workflows,
    check_overdue_enrolments,
    check_scheduler_pace,
    check_workflow_errors,
)
from tasks.application.workflows.queries import ERRORS, OVERDUE, PACE, SUCCESS
from tasks.model import Earlier, Refused, Verdict
from tests.tasks.application.conftest import Shop


def enrol(shop: Shop, amount: int, due: str, campaign: int = 1, status: str = "active") -> None:
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "  # noqa: S608
        f"SELECT n, {campaign}, '{status}', now() - interval '{due}' FROM generate_series(1, {amount}) n"
    )


def test_it_leaves_out_enrolments_of_campaigns_that_do_not_run(shop: Shop) -> None:
    """3-23: two paused campaigns made 3,516 overdue; really none was."""
    enrol(shop, 3516, "5 hours", campaign=2)
    shop.run("UPDATE campaigns SET status = 'paused' WHERE id = 2")
    enrol(shop, 5, "5 hours", status="completed")
    found = check_overdue_enrolments.fn(shop.door())
    assert (found.verdict, found.value) == (Verdict.OK, 0)
    assert found.says == "No enrolment of a running campaign is overdue by 4 min or more (bad from 15 min)."


@pytest.mark.parametrize(
    ("due", "verdict"),
    [
        ("110 seconds", Verdict.OK),
        ("230 seconds", Verdict.OK),
        ("250 seconds", Verdict.WARN),
        ("890 seconds", Verdict.WARN),
        ("910 seconds", Verdict.BAD),
    ],
)
def test_it_gives_the_scheduler_two_ticks(shop: Shop, due: str, verdict: Verdict) -> None:
    """3-23: any enrolment inside one tick counted."""
    enrol(shop, 7, due)
    found = check_overdue_enrolments.fn(shop.door())
    assert found.verdict is verdict
    assert found.value == (7 if verdict else 0)


def test_it_says_where_enrolments_are_overdue(shop: Shop) -> None:
    enrol(shop, 12, "1 hour")
    enrol(shop, 3, "50 minutes", campaign=2)
    found = check_overdue_enrolments.fn(shop.door())
    assert found.says == "15 enrolments are overdue, the oldest for 60 min (bad from 15 min), most in 'Welcome'."
    assert [row["overdue"] for row in found.rows] == [12, 3]
    assert check_overdue_enrolments.fn(shop.door("campaigns.name")).says.endswith("most in '1'.")
    slow = shop.door(enrolments={"tick_s": 3600})
    assert check_overdue_enrolments.fn(slow).verdict is Verdict.OK


def test_it_tells_errors_since_the_last_look_not_since_midnight(shop: Shop) -> None:
    """3-22: 200 errors at 21:00 the evening before were 0 rows in the morning."""
    shop.ran("Sender", 200, ago="11 hours", status="error")
    shop.ran("Sender", 300)
    shop.ran("Scheduler", ago="10 hours", status="error")
    found = check_workflow_errors.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.value == 201
    assert "201 runs failed since" in found.says
    assert "Sender (200), Scheduler (1)." in found.says

    again = Earlier(at_s=0, value=201, facts=found.facts)
    assert check_workflow_errors.fn(shop.door(), earlier=again).verdict is Verdict.OK
    shop.run("INSERT INTO workflow_executions (workflow_name, status, error) VALUES ('Sender', 'error', 'no route')")
    found = check_workflow_errors.fn(shop.door(), earlier=again)
    assert (found.verdict, found.value) == (Verdict.WARN, 1)
    assert found.says.endswith("Sender (1); the last: “no route”.")


def test_it_looks_back_a_week_at_most_and_never_forward(shop: Shop) -> None:
    shop.ran("Sender", ago="6 days", status="error")
    shop.ran("Sender", ago="8 days", status="error")
    now = shop.door().now()
    for until, seen in ((now - timedelta(days=30), 1), (now + timedelta(days=1), 0)):
        found = check_workflow_errors.fn(
            shop.door(), earlier=Earlier(at_s=0, value=0, facts={"until": until.isoformat()})
        )
        assert found.value == seen


@pytest.mark.parametrize(
    ("errors", "verdict"), [(0, Verdict.OK), (1, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_judges_how_many_runs_failed(shop: Shop, errors: int, verdict: Verdict) -> None:
    shop.ran("Sender", errors, status="error")
    assert check_workflow_errors.fn(shop.door()).verdict is verdict


def test_it_misses_a_workflow_without_a_row_and_one_that_always_fails(shop: Shop) -> None:
    """3-8: either gave 0 rows, and no alarm."""
    for minutes in range(120):
        shop.ran("Sender", ago=f"{minutes} minutes", status="error")
    shop.ran("Sender", ago="121 minutes")
    found = check_expected_workflows.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "2 of 2 expected workflows did not succeed lately: 'Scheduler' in 30 days (allowed: 15 min; it left no run at "
        "all); 'Sender' for 2 h (allowed: 15 min; it runs and fails)."
    )


@pytest.mark.parametrize(
    ("ago", "verdict"),
    [
        ("10 minutes", Verdict.OK),
        ("11 minutes", Verdict.WARN),
        ("14 minutes", Verdict.WARN),
        ("16 minutes", Verdict.BAD),
    ],
)
def test_it_judges_the_last_success(shop: Shop, ago: str, verdict: Verdict) -> None:
    shop.ran("Scheduler")
    shop.ran("Sender", ago=ago)
    found = check_expected_workflows.fn(shop.door())
    assert found.verdict is verdict
    if verdict:
        assert "it does not run" in found.says


def test_it_allows_each_workflow_its_own_time(shop: Shop) -> None:
    shop.ran("Analytics", ago="20 hours")
    door = shop.door(executions={"expected": {"Analytics": 90_000}})
    found = check_expected_workflows.fn(door)
    assert found.verdict is Verdict.WARN
    assert check_expected_workflows.fn(shop.door(executions={"expected": {"Analytics": 180_000}})).says == (
        "All 1 expected workflows have succeeded lately, the slowest 'Analytics' 20 h ago (allowed: 3,000 min)."
    )


def test_it_asks_which_workflows_are_expected(shop: Shop) -> None:
    with pytest.raises(Refused, match="which workflows are expected"):
        check_expected_workflows.fn(shop.door("executions.expected"))
    with pytest.raises(Refused, match="which workflow is the scheduler"):
        check_scheduler_pace.fn(shop.door("executions.scheduler"))


@pytest.mark.parametrize(("ms", "verdict"), [(9900, Verdict.OK), (10_000, Verdict.WARN), (60_000, Verdict.BAD)])
def test_it_measures_the_schedulers_own_runs(shop: Shop, ms: int, verdict: Verdict) -> None:
    """3-26: rows that changed later made a batch of two seconds 3:39:59.998 long."""
    shop.ran("Scheduler", 20, ms=ms)
    shop.mails(1000, created_at="now() - interval '4 hours'", updated_at="now()")
    found = check_scheduler_pace.fn(shop.door())
    assert found.verdict is verdict
    assert found.value == ms / 1000


def test_it_gives_a_larger_batch_more_time(shop: Shop) -> None:
    shop.ran("Scheduler", 20, ms=30_000)
    assert check_scheduler_pace.fn(shop.door()).verdict is Verdict.WARN
    shop.run("UPDATE workflow_executions SET items = 5000")
    assert check_scheduler_pace.fn(shop.door()).value == 6
    # A small one is not made out to be slow by what each run takes anyway.
    shop.run("UPDATE workflow_executions SET items = 1, duration_ms = 900")
    assert check_scheduler_pace.fn(shop.door()).value == 0.9
    assert check_scheduler_pace.fn(shop.door("executions.items")).verdict is Verdict.OK


def test_it_reckons_how_long_a_run_took_where_only_its_ends_are_kept(shop: Shop) -> None:
    shop.run(
        "ALTER TABLE workflow_executions ADD started timestamptz;"
        "INSERT INTO workflow_executions (workflow_name, status, started, created_at) "
        "SELECT 'Scheduler', 'success', now() - interval '42 seconds', now() FROM generate_series(1, 9)"
    )
    try:
        door = shop.door("executions.duration_ms", executions={"started_at": "started"})
        assert check_scheduler_pace.fn(door).value == 42
        with pytest.raises(Refused, match=r"executions\.duration_s") as told:
            check_scheduler_pace.fn(shop.door("executions.duration_ms"))
        assert told.value.remedy.endswith('duration_ms = "…"  # or started_at and finished_at: how long a run took')
    finally:
        shop.run("ALTER TABLE workflow_executions DROP started")


def test_it_does_not_judge_a_handful_of_runs(shop: Shop) -> None:
    shop.ran("Scheduler", 4, ms=99_000)
    found = check_scheduler_pace.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.says == "'Scheduler' did 4 runs in the last hour (too few to judge: 5 are needed)."


def test_it_reads_runs_by_an_index(own_shop: Shop) -> None:
    own_shop.run(
        "INSERT INTO workflow_executions (workflow_name, status, duration_ms, created_at) "
        "SELECT CASE n % 2 WHEN 0 THEN 'Scheduler' ELSE 'Sender' END, "
        "CASE n % 400 WHEN 0 THEN 'error' ELSE 'success' END, 9, now() - n * interval '1 minute' "
        "FROM generate_series(1, 100000) n"
    )
    own_shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "
        "SELECT n, 1, 'active', now() + n * interval '1 minute' - interval '2 hours' FROM generate_series(1, 100000) n"
    )
    own_shop.run("VACUUM ANALYZE workflow_executions, enrollments")
    now = own_shop.door().now()
    given = {
        "since": now - timedelta(days=1),
        "until": now,
        "workflow": "Sender",
        "names": ["Sender", "Scheduler", "Nobody"],
        "days": 30,
        "grace_s": 240,
    }
    for query in (ERRORS, SUCCESS, PACE, LAST_RUNS, OVERDUE):
        with psycopg.connect(own_shop.stage.url("reader").get_secret_value()) as session:
            plan = session.execute(f"EXPLAIN {own_shop.door().filled(query)}".encode(), given).fetchall()
        assert not [line for (line,) in plan if "Seq Scan on" in line and "campaigns" not in line], plan
