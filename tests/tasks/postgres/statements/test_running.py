"""Statements that do not end: seen while they run, and stopped exactly, without their sessions."""

from __future__ import annotations

import psycopg
import pytest

from tasks.model import Refused, Risk, Threshold, Verdict
from tasks.postgres.statements import checks
from tasks.postgres.statements.actions import CancelRunningStatements
from tasks.postgres.statements.checks import STATEMENT_RUNNING, check_running_statements
from tasks.postgres.statements.queries import RUNNING_STATEMENTS
from tests.tasks.postgres.conftest import Stage, until

AT_ONCE = Threshold(warn=0, bad=0.001, because="Owner: this test.")
SLOW = "SELECT count(*), 'hunter2' FROM leads, pg_sleep(60)"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "NOTICEABLE_S", 0.0)


def seen(stage: Stage) -> list[object]:
    return [row["application"] for row in stage.door().rows(RUNNING_STATEMENTS, at_least_s=0)]


def runs(stage: Stage, name: str, statement: str = SLOW, user: str = "app") -> psycopg.Connection:
    """A session whose statement runs when this returns."""
    session = stage.session(name, user)
    pid = stage.runs(session, statement)
    running = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active' AND wait_event IS NOT NULL"  # noqa: S608
    until(lambda: stage.admin(running), f"{name} runs")
    return session


@pytest.mark.parametrize(
    ("value", "verdict"), [(59, Verdict.OK), (60, Verdict.WARN), (299, Verdict.WARN), (300, Verdict.BAD)]
)
def test_it_knows_both_sides_of_the_limit(value: float, verdict: Verdict) -> None:
    assert STATEMENT_RUNNING.judge(value) is verdict
    assert "Owner:" in STATEMENT_RUNNING.because


def test_it_cancels_exactly_the_statement_and_keeps_the_session(stage: Stage) -> None:
    runaway, action, postgres = runs(stage, "report"), CancelRunningStatements(), stage.door()
    bystander = stage.session("web")
    plan = action.plan(postgres, AT_ONCE)
    assert [c.target["pid"] for c in plan.commands] == [runaway.info.backend_pid]
    assert plan.risk is Risk.LOW
    assert "hunter2" not in str(plan)
    assert action.applied(postgres, plan) is False

    outcome = action.apply(postgres, plan)

    assert outcome.says == "1 session: 1 cancelled."
    assert action.applied(postgres, plan) is True
    until(lambda: runaway.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "its client goes on")
    assert runaway.execute("SELECT 1").fetchone() == (1,)
    assert bystander.execute("SELECT 1").fetchone() == (1,)


def test_it_leaves_the_next_statement_of_the_same_session(stage: Stage) -> None:
    session = runs(stage, "report")
    plan = CancelRunningStatements().plan(stage.door(), AT_ONCE)
    stage.admin(f"SELECT pg_cancel_backend({session.info.backend_pid})")
    until(lambda: session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "the first one ended")
    stage.runs(session, SLOW)
    until(lambda: seen(stage) == ["report"], "the next one runs")

    outcome = CancelRunningStatements().apply(stage.door(), plan)

    assert outcome.says == "1 session: 1 already over."
    assert seen(stage) == ["report"]


def test_it_says_which_and_for_how_long(stage18: Stage) -> None:
    assert check_running_statements.fn(stage18.door()).says == (
        "No statement has been running for 0 s or longer (bad from 5 min)."
    )
    session = runs(stage18, "report")

    found = check_running_statements.fn(stage18.door(), AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert found.says.endswith(
        f"(bad from 0.001 s): pid {session.info.backend_pid} (report), SELECT count(*), ? FROM leads, pg_sleep(?)"  # noqa: S608
    )
    assert found.rows[0]["busy_with"] == "Timeout: PgSleep"
    assert check_running_statements.fn(stage18.door()).verdict is Verdict.OK


def test_it_leaves_out_what_takes_its_time_by_nature(stage: Stage) -> None:
    stage.admin("GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads OWNER TO app")
    holder = stage.begins("holder", "LOCK TABLE leads")
    stage.queues(stage.session("queue"), "SELECT * FROM leads")
    runs(stage, "pg_dump")
    runs(stage, "incident-pipelines", user="reader")
    runs(stage, "batch", "DO $$ BEGIN PERFORM pg_sleep(60); END $$")
    runs(stage, "load", "COPY (SELECT pg_sleep(60)) TO STDOUT")
    runs(stage, "hinted", "/* page 7 */ -- of the report\n (SELECT pg_sleep(60))")

    assert seen(stage) == ["hinted"]
    holder.close()


def test_it_leaves_superusers_alone_unless_named(stage: Stage) -> None:
    session = runs(stage, "admin", user="boss")

    plan = CancelRunningStatements().plan(stage.door(), AT_ONCE)

    assert plan.commands == ()
    pid = session.info.backend_pid
    assert plan.does.endswith(f"Pid {pid} (admin) belongs to the superuser boss: ask whoever runs it.")
    with pytest.raises(Refused, match=f"may not signal pid {pid}"):
        CancelRunningStatements(superusers=["boss"]).plan(stage.door(), AT_ONCE)


@pytest.mark.parametrize("acts", ["sees_only", "signals_only"])
def test_it_refuses_what_the_acting_role_may_not_do(stage18: Stage, acts: str) -> None:
    runs(stage18, "report")

    with pytest.raises(Refused, match="may not signal pid"):
        CancelRunningStatements().plan(stage18.door(acts=acts), AT_ONCE)


def test_it_is_blind_without_the_right_to_see(stage18: Stage) -> None:
    assert check_running_statements.fn(stage18.door(reads="nobody_special")).verdict is Verdict.UNKNOWN
    with pytest.raises(Refused, match="hides other users' sessions"):
        CancelRunningStatements().plan(stage18.door(reads="nobody_special"), AT_ONCE)
