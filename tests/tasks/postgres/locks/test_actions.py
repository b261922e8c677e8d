"""The dangerous verbs: whom they touch, whom they never touch, and what they say became of each."""

from __future__ import annotations

import dataclasses
import os
import re
import signal

import pytest

from deployments import databases
from flows.journal import connection
from tasks.model import BlastRadius, CannotLook, Plan, Refused, Risk
from tasks.postgres import signals
from tasks.postgres.locks.actions import TerminateBlockingSessions
from tasks.postgres.locks.checks import LOCK_WAIT
from tasks.postgres.session import APPLICATION, JOURNAL, JOURNAL_ROLES
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until

TOUCH = "UPDATE leads SET status = status WHERE id = {}"

pytestmark = pytest.mark.usefixtures("impatient")


def alive(stage: Stage, pid: object) -> bool:
    return any(row == (pid,) for row in stage.admin("SELECT pid FROM pg_stat_activity"))


def blocked(stage: Stage, name: str = "billing-worker", user: str = "app") -> int:
    """One idle head with one session behind it; the head's pid."""
    head = stage.begins(name, TOUCH.format(1), user=user)
    stage.queues(stage.session("web-1"), TOUCH.format(1))
    return head.info.backend_pid


def only_target(plan: Plan, **changed: object) -> Plan:
    (command,) = plan.commands
    return dataclasses.replace(
        plan,
        commands=(dataclasses.replace(command, target={**command.target, **changed}),),  # type: ignore[dict-item]
    )


def test_it_plans_to_end_exactly_the_head(stage: Stage) -> None:
    pid = blocked(stage)

    plan = TerminateBlockingSessions().plan(stage.door())

    (command,) = plan.commands
    assert command.target["pid"] == pid
    assert set(command.target) == {"pid", "backend_start"}
    select, where = " ".join(command.line.split()).split(" WHERE ")
    assert select == "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    assert where == f"pid = {pid} AND backend_start = '{command.target['backend_start']}';"
    assert re.sub(r"\d+ s,", "N s,", plan.does) == (
        f"End pid {pid} (billing-worker), idle in transaction for N s, which holds a row of leads; "
        "1 session waits behind it."
    )
    assert plan.risk is Risk.MODERATE
    assert plan.blast_radius == BlastRadius(touched=1, total=2, noun="sessions")
    assert plan.evidence[0]["query"] == "UPDATE leads SET status = status WHERE id = ?"
    assert plan.evidence[0]["touched"] is True


def test_it_plans_the_same_effect_twice(stage18: Stage) -> None:
    blocked(stage18)
    action = TerminateBlockingSessions()

    assert action.plan(stage18.door()).effect == action.plan(stage18.door()).effect


def test_it_runs_the_line_an_operator_would_type(stage18: Stage) -> None:
    pid = blocked(stage18)
    (command,) = TerminateBlockingSessions().plan(stage18.door()).commands

    assert stage18.admin(command.line) == [(True,)]
    until(lambda: not alive(stage18, pid), "the head is gone")


def test_it_ends_the_head_and_lets_the_others_through(stage: Stage) -> None:
    pid = blocked(stage)
    action, postgres = TerminateBlockingSessions(), stage.door()
    plan = action.plan(postgres)
    assert action.applied(postgres, plan) is False

    outcome = action.apply(postgres, plan)

    assert outcome.complete
    assert outcome.says == "1 session: 1 ended."
    assert [row["fate"] for row in outcome.rows] == ["ended"]
    assert action.applied(postgres, plan) is True
    assert not alive(stage, pid)
    until(lambda: not stage.chains(), "the queue drains")


def test_it_ends_two_heads_and_nobody_else(stage18: Stage) -> None:
    heads = {stage18.begins(f"job-{n}", TOUCH.format(n)).info.backend_pid for n in (1, 2)}
    bystander = stage18.begins("billing-worker", TOUCH.format(9)).info.backend_pid
    for n in (1, 2):
        stage18.queues(stage18.session(f"web-{n}"), TOUCH.format(n))
    plan = TerminateBlockingSessions().plan(stage18.door())

    outcome = TerminateBlockingSessions().apply(stage18.door(), plan)

    assert {c.target["pid"] for c in plan.commands} == heads
    assert outcome.says == "2 sessions: 2 ended."
    assert alive(stage18, bystander)


def test_it_does_not_touch_a_session_that_got_the_same_pid(stage: Stage) -> None:
    pid = blocked(stage)
    action, postgres = TerminateBlockingSessions(), stage.door()
    plan = only_target(action.plan(postgres), backend_start="2026-01-01T00:00:00.000001+00:00")

    outcome = action.apply(postgres, plan)

    assert alive(stage, pid)
    assert [row["fate"] for row in outcome.rows] == ["another session"]
    assert outcome.complete
    assert action.applied(postgres, plan) is True


def test_it_says_that_a_session_is_already_gone(stage: Stage) -> None:
    head = stage.begins("billing-worker", TOUCH.format(1))
    stage.queues(stage.session("web-1"), TOUCH.format(1))
    action, postgres = TerminateBlockingSessions(), stage.door()
    plan = action.plan(postgres)
    pid = head.info.backend_pid
    head.close()
    until(lambda: not alive(stage, pid), "the head is gone")

    outcome = action.apply(postgres, plan)

    assert outcome.says == "1 session: 1 already gone."
    assert outcome.complete


@pytest.mark.parametrize(
    ("name", "user"),
    [("incident-pipelines", "reader"), ("incident-pipelines", "actor"), ("incident-journal", "incident_runner")],
)
def test_it_never_ends_our_own_sessions(stage: Stage, name: str, user: str) -> None:
    stage.admin(f"GRANT ALL ON leads TO {user}")
    pid = blocked(stage, name, user)
    action, postgres = TerminateBlockingSessions(), stage.door()

    plan = action.plan(postgres)

    assert plan.commands == ()
    assert plan.does == (
        f"Nothing to end. Pid {pid} ({name}) is our own; it ends within its own time limit. "
        f"Waiting meanwhile: pid {stage.waiters()[0]} (web-1)."
    )
    assert plan.evidence[0]["touched"] is False


@pytest.mark.parametrize("name", [APPLICATION, JOURNAL])
def test_it_ends_a_stranger_who_calls_itself_ours(stage: Stage, name: str) -> None:
    """Everybody may choose a name, nobody a role."""
    pid = blocked(stage, name)
    action = TerminateBlockingSessions()

    plan = action.plan(stage.door())

    assert [command.target["pid"] for command in plan.commands] == [pid]
    assert action.apply(stage.door(), plan).complete
    assert not alive(stage, pid)


def test_it_knows_the_journal_by_the_roles_that_the_stack_makes() -> None:
    assert (JOURNAL, set(JOURNAL_ROLES)) == (connection.APPLICATION, {databases.OWNER, databases.RUNNER})


def test_it_never_ends_our_own_sessions_even_if_told_to(stage18: Stage) -> None:
    """The guard stands at the act, too."""
    stage18.admin("GRANT ALL ON leads TO incident_runner")
    session = stage18.begins("billing-worker", TOUCH.format(1), user="incident_runner")
    stage18.queues(stage18.session("web-1"), TOUCH.format(1))
    plan = TerminateBlockingSessions().plan(stage18.door())
    session.execute("SET application_name = 'incident-journal'")

    outcome = TerminateBlockingSessions().apply(stage18.door(), plan)

    assert alive(stage18, session.info.backend_pid)
    assert outcome.says == "1 session: 1 not touched."
    assert not outcome.complete


def test_it_does_not_touch_a_superuser_unless_named(stage: Stage) -> None:
    pid = blocked(stage, "maintenance", user="boss")
    postgres = stage.door(acts="boss")

    plan = TerminateBlockingSessions().plan(postgres)
    named = TerminateBlockingSessions(superusers=["boss"]).plan(postgres)

    assert plan.commands == ()
    assert plan.does == (
        f"Nothing to end. Pid {pid} (maintenance) belongs to the superuser boss: ask whoever runs it. "
        f"Waiting meanwhile: pid {stage.waiters()[0]} (web-1)."
    )
    assert [command.target["pid"] for command in named.commands] == [pid]


def test_it_says_at_once_that_only_a_superuser_may_end_one(stage18: Stage) -> None:
    pid = blocked(stage18, "maintenance", user="boss")
    postgres = stage18.door()

    with pytest.raises(Refused) as caught:
        TerminateBlockingSessions(superusers=["boss"]).plan(postgres)

    assert caught.value.says == f"actor may not signal pid {pid} on {postgres.address}."
    assert caught.value.remedy == "Only a superuser may end a superuser's session: set action_url to one."


def test_it_leaves_a_dump_alone(stage18: Stage) -> None:
    pid = blocked(stage18, "pg_dump")

    plan = TerminateBlockingSessions().plan(stage18.door())

    assert plan.commands == ()
    assert plan.does == (
        f"Nothing to end. Pid {pid} (pg_dump) is a backup: let it finish. Whoever waits for it may be cancelled; a "
        f"standby's replay waits on. Waiting meanwhile: pid {stage18.waiters()[0]} (web-1)."
    )


def test_it_names_what_a_person_does_about_a_prepared_transaction(preparing: Stage) -> None:
    preparing.begins("shop", TOUCH.format(1)).execute("PREPARE TRANSACTION 'order 7'")
    try:
        waits = preparing.queues(preparing.session("web-1"), TOUCH.format(1))

        plan = TerminateBlockingSessions().plan(preparing.door())

        assert plan.commands == ()
        ((database,),) = preparing.admin("SELECT current_database()")
        assert re.sub(r"\d+ s,", "N s,", plan.does) == (
            "Nothing to end. The prepared transaction 'order 7' of app, open for N s, has no session. Ask its "
            f"coordinator, the program that gave it this name, what was decided. By hand, in the database {database}: "
            "COMMIT PREPARED 'order 7'; if the whole was committed; if it was not: ROLLBACK PREPARED 'order 7'; "
            f"Waiting meanwhile: pid {waits} (web-1)."
        )
    finally:
        preparing.admin("ROLLBACK PREPARED 'order 7'")


def test_it_leaves_a_deadlock_to_the_server(stage18: Stage) -> None:
    stage18.admin("ALTER ROLE boss SET deadlock_timeout = '60s'")
    try:
        first = stage18.begins("job-1", TOUCH.format(1), user="boss")
        second = stage18.begins("job-2", TOUCH.format(2), user="boss")
        stage18.queues(first, TOUCH.format(2))
        stage18.queues(second, TOUCH.format(1))

        plan = TerminateBlockingSessions(superusers=["boss"]).plan(stage18.door(acts="boss"))

        assert plan.commands == ()
        assert "Postgres ends one of them itself, after its deadlock_timeout. Waiting meanwhile: pid " in plan.does
    finally:
        stage18.admin("ALTER ROLE boss RESET deadlock_timeout")


def test_it_has_nothing_to_do_when_nobody_waits_long_enough(stage: Stage) -> None:
    stage.begins("billing-worker", TOUCH.format(1))
    waits = stage.queues(stage.session("web-1"), TOUCH.format(1))

    plan = TerminateBlockingSessions().plan(stage.door(), LOCK_WAIT)

    assert plan.does == (
        f"Nothing to end: no session has held others up for 5 s or longer. Waiting meanwhile: pid {waits} (web-1)."
    )
    assert TerminateBlockingSessions().apply(stage.door(), plan).says == "Nothing was ended: the plan names nobody."


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("sees_only", "GRANT pg_signal_backend TO sees_only;"),
        ("signals_only", "GRANT pg_monitor TO signals_only;"),
        ("nobody_special", "GRANT pg_monitor TO nobody_special;\nGRANT pg_signal_backend TO nobody_special;"),
    ],
)
def test_it_refuses_to_plan_what_its_role_may_not_do(stage: Stage, role: str, missing: str) -> None:
    pid = blocked(stage)
    postgres = stage.door(acts=role)

    with pytest.raises(Refused) as caught:
        TerminateBlockingSessions().plan(postgres)

    assert caught.value.says == f"{role} may not signal pid {pid} on {postgres.address}."
    assert caught.value.remedy == missing
    assert alive(stage, pid)


def test_it_records_that_a_right_was_taken_away_before_the_act(stage: Stage) -> None:
    pid = blocked(stage)
    plan = TerminateBlockingSessions().plan(stage.door())

    outcome = TerminateBlockingSessions().apply(stage.door(acts="sees_only"), plan)

    assert alive(stage, pid)
    assert outcome.says == "1 session: 1 no right."
    assert not outcome.complete


def test_it_refuses_to_plan_blindly(stage18: Stage) -> None:
    with pytest.raises(Refused, match="hides other users' sessions") as caught:
        TerminateBlockingSessions().plan(stage18.door(reads="nobody_special"))

    assert caught.value.remedy == "GRANT pg_monitor TO nobody_special;"


def test_it_cannot_tell_blindly_whether_it_is_done(stage18: Stage) -> None:
    blocked(stage18)
    plan = TerminateBlockingSessions().plan(stage18.door())

    assert TerminateBlockingSessions().applied(stage18.door(reads="nobody_special"), plan) is None


def test_it_cannot_look_when_the_server_is_down(stage18: Stage) -> None:
    blocked(stage18)
    plan = TerminateBlockingSessions().plan(stage18.door())
    down = PostgresServer.model_validate({"url": "postgresql://u:p@127.0.0.1:1/db"})

    for verb in (TerminateBlockingSessions().apply, TerminateBlockingSessions().applied):
        with pytest.raises(CannotLook):
            verb(down, plan)


def test_it_says_that_a_stubborn_session_is_still_there(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "SETTLES_WITHIN_S", 0.2)
    pid = blocked(stage18)
    plan = TerminateBlockingSessions().plan(stage18.door())
    os.kill(pid, signal.SIGSTOP)
    try:
        # It does not wake up before this has returned.
        outcome = TerminateBlockingSessions().apply(stage18.door(), plan)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert outcome.says == "1 session: 1 still there."
    assert not outcome.complete
    until(lambda: not alive(stage18, pid), "it ends when it wakes up")


def test_it_says_what_is_lost() -> None:
    assert TerminateBlockingSessions().way_back == (
        "No way back. Each ended session's open transaction is rolled back; its client sees an error."
    )
