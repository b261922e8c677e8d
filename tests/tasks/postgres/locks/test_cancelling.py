"""Cancelling a query: whose, whose not, and what becomes of the session."""

from __future__ import annotations

import pytest

from tasks.model import Risk
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.locks.test_actions import TOUCH, alive, blocked, only_target

pytestmark = pytest.mark.usefixtures("impatient")


def blocked_by_a_query(stage: Stage) -> int:
    """One head that is busy with a query, and one session behind it; the head's pid."""
    head = stage.begins("report", TOUCH.format(1))
    pid = stage.runs(head, "SELECT pg_sleep(60), 'hunter2'")
    stage.queues(stage.session("web-1"), TOUCH.format(1))
    until(lambda: stage.chains()[0]["state"] == "active", "the head is busy")
    return pid


def test_it_cancels_the_query_of_a_busy_head(stage: Stage) -> None:
    pid = blocked_by_a_query(stage)
    action, postgres = CancelBlockingQueries(), stage.door()

    plan = action.plan(postgres)

    assert plan.risk is Risk.LOW
    assert set(plan.commands[0].target) == {"pid", "backend_start", "query_start"}
    assert plan.does.startswith(f"Cancel the query of pid {pid} (report), active for ")
    assert "hunter2" not in repr(plan)
    assert action.applied(postgres, plan) is False

    outcome = action.apply(postgres, plan)

    assert outcome.says == "1 session: 1 cancelled."
    assert action.applied(postgres, plan) is True
    assert alive(stage, pid)
    until(lambda: not stage.chains(), "the queue drains")


def test_it_does_not_cancel_an_idle_head(stage: Stage) -> None:
    pid = blocked(stage)

    plan = CancelBlockingQueries().plan(stage.door())

    assert plan.commands == ()
    assert plan.does == (
        f"Nothing to cancel. Pid {pid} (billing-worker) is idle in transaction: it runs no query, "
        f"and cancelling it would do nothing. Waiting meanwhile: pid {stage.waiters()[0]} (web-1)."
    )


def test_it_names_the_first_of_a_long_queue(stage: Stage) -> None:
    stage.begins("billing-worker", TOUCH.format(1))
    for n in range(7):
        stage.queues(stage.session(f"web-{n}"), TOUCH.format(1))

    plan = CancelBlockingQueries().plan(stage.door())

    first = ", ".join(f"pid {pid} (web-{n})" for n, pid in enumerate(stage.waiters()[:5]))
    assert plan.does.endswith(f"Waiting meanwhile: {first} and 2 more.")
    assert {row["pid"] for row in plan.evidence} >= set(stage.waiters())


def test_it_does_not_cancel_the_next_query(stage: Stage) -> None:
    pid = blocked_by_a_query(stage)
    action, postgres = CancelBlockingQueries(), stage.door()
    plan = only_target(action.plan(postgres), query_start="2026-01-01T00:00:00.000001+00:00")

    outcome = action.apply(postgres, plan)

    assert outcome.says == "1 session: 1 already over."
    assert outcome.complete
    assert [row[0] for row in stage.admin("SELECT state FROM pg_stat_activity WHERE application_name = 'report'")] == [
        "active"
    ]
    assert action.applied(postgres, plan) is True
    TerminateBlockingSessions().apply(postgres, TerminateBlockingSessions().plan(postgres))
    until(lambda: not alive(stage, pid), "the report is gone")
