"""End idle sessions: exactly those approved, and nobody who is at work."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from flows.case.bodies import plan_body, plan_from
from tasks.model import Plan, Refused, Risk, Threshold
from tasks.postgres.connections.actions import EndIdleSessions
from tasks.postgres.session import APPLICATION, JOURNAL
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until

ANY = Threshold(warn=0, bad=1, because="Any number of taken slots calls for it, in a test.")
AT_ONCE = Threshold(warn=0, bad=1, because="Ten minutes of real idling are too long for a test.")
ALL = EndIdleSessions(at_most=1.0)


def planned(stage: Stage, action: EndIdleSessions = ALL, door: PostgresServer | None = None) -> Plan:
    return action.plan(door or stage.door(), taken=ANY, idle=AT_ONCE)


def holds(stage: Stage, number: int, name: str = "shop", user: str = "app") -> list[psycopg.Connection]:
    sessions = [stage.session(name, user) for _ in range(number)]
    pids = {session.info.backend_pid for session in sessions}
    until(lambda: idle(stage, pids) == pids, f"{name} is idle")
    return sessions


def idle(stage: Stage, pids: set[int]) -> set[object]:
    rows = stage.door().rows(
        "SELECT pid FROM pg_stat_activity WHERE pid = ANY (%(p)s) AND state = 'idle'", p=list(pids)
    )
    return {row["pid"] for row in rows}


def lives(session: psycopg.Connection) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def test_it_ends_the_application_that_holds_most_and_nobody_else(stage: Stage) -> None:
    forgotten = holds(stage, 4, "forgotten")
    fewer = holds(stage, 3, "shop")
    other_role = holds(stage, 2, "forgotten", "nobody_special")

    plan = planned(stage)
    outcome = ALL.apply(stage.door(), plan)

    assert outcome.says == "4 sessions: 4 ended."
    assert outcome.complete
    assert not any(map(lives, forgotten))
    assert all(map(lives, [*fewer, *other_role]))
    assert ALL.applied(stage.door(), plan) is True
    assert plan.risk is Risk.MODERATE
    assert str(plan.blast_radius) == "4 of 9 sessions"
    assert plan.does.startswith("End 4 idle sessions of forgotten as app; at most ")


def bystanders(stage: Stage) -> dict[str, psycopg.Connection]:
    """Those who hold a slot too and are none of ours to end."""
    at_work = stage.session("forgotten")
    stage.runs(at_work, "SELECT pg_sleep(30)")
    in_transaction = stage.begins("forgotten", "SELECT 1")
    return {
        "in a transaction": in_transaction,
        "a superuser": holds(stage, 3, "forgotten", "boss")[0],
        "ours": holds(stage, 3, APPLICATION, "reader")[0],
        "the journal": holds(stage, 3, JOURNAL, "incident_runner")[0],
    }


def test_it_leaves_everybody_else_alone(stage: Stage) -> None:
    left = bystanders(stage)
    holds(stage, 2, "forgotten")

    plan = planned(stage)

    assert len(plan.commands) == 2
    ALL.apply(stage.door(acts="boss"), plan)
    assert [name for name, session in left.items() if not lives(session)] == []


def test_it_leaves_replication_alone(stage18: Stage) -> None:
    stage18.admin("ALTER ROLE nobody_special REPLICATION")
    try:
        holds(stage18, 1, "standby", "nobody_special")
        assert planned(stage18).commands == ()
    finally:
        stage18.admin("ALTER ROLE nobody_special NOREPLICATION")


def test_it_never_ends_more_than_its_cap_the_longest_idle_first(cramped: Stage) -> None:
    sessions = holds(cramped, 6)
    for session in reversed(sessions):
        session.execute("SELECT 1")
        pid = session.info.backend_pid
        until(lambda pid=pid: idle(cramped, {pid}), "it is idle again")  # type: ignore[misc]

    action = EndIdleSessions()
    plan = planned(cramped, action)

    # Half of 6 slots open to all on 18, of 9 on 15.
    cap = 3 if "of 6" in plan.does.split("Now")[1] else 4
    assert [c.target["pid"] for c in plan.commands] == [s.info.backend_pid for s in reversed(sessions)][:cap]
    assert f"of its 6 idle ones; {cap} is the most at once" in plan.does
    action.apply(cramped.door(), plan)
    assert sum(map(lives, sessions)) == 6 - cap


def test_it_keeps_a_session_that_is_in_use_again(stage: Stage) -> None:
    used, forgotten = holds(stage, 2)
    plan = planned(stage)
    used.execute("BEGIN")

    outcome = ALL.apply(stage.door(), plan)

    assert sorted(str(row["fate"]) for row in outcome.rows) == ["ended", "in use again"]
    assert lives(used)
    assert not lives(forgotten)


def test_it_shows_the_guard_that_it_keeps(stage18: Stage) -> None:
    (session,) = holds(stage18, 1)

    (command,) = planned(stage18).commands

    assert command.line.splitlines() == [
        "SELECT pg_terminate_backend(pid)",
        "  FROM pg_stat_activity",
        f" WHERE pid = {session.info.backend_pid}",
        f"   AND backend_start = '{command.target['backend_start']}'",
        "   AND state = 'idle';",
    ]


def test_it_never_ends_a_successor(stage: Stage) -> None:
    (session,) = holds(stage, 1)
    plan = planned(stage)
    target = {**plan.commands[0].target, "backend_start": "2020-01-01T00:00:00+00:00"}
    body = plan_body(plan)
    forged = plan_from({**body, "commands": [{"line": plan.commands[0].line, "target": target}]})

    assert ALL.apply(stage.door(), forged).rows[0]["fate"] == "another session"
    assert lives(session)


def test_it_waits_for_sessions_to_be_old_enough(stage: Stage) -> None:
    holds(stage, 2)

    plan = ALL.plan(stage.door(), taken=ANY)

    assert plan.commands == ()
    assert plan.does.startswith("Nothing to end: no session is idle for 10 min or longer (")


def test_it_ends_nothing_while_slots_are_free(stage: Stage) -> None:
    holds(stage, 2)

    plan = ALL.plan(stage.door(), idle=AT_ONCE)

    assert plan.commands == ()
    assert plan.does.startswith("Nothing to end: ")
    assert plan.does.endswith(" slots are taken.")


def test_it_plans_the_same_again_while_nothing_changes(stage: Stage) -> None:
    holds(stage, 5)
    action = EndIdleSessions(at_most=0.05)
    first = planned(stage, action)
    holds(stage, 5)

    assert len(first.commands) == 2
    assert not planned(stage, action).exceeds(first)


@pytest.mark.parametrize(
    ("change", "grants"),
    [
        (lambda stage: stage.door(acts="sees_only"), "GRANT pg_signal_backend TO sees_only;"),
        (lambda stage: stage.door(reads="nobody_special"), "GRANT pg_monitor TO nobody_special;"),
    ],
)
def test_it_refuses_what_it_could_not_do(stage: Stage, change: Callable[[Stage], PostgresServer], grants: str) -> None:
    holds(stage, 1)
    with pytest.raises(Refused) as caught:
        planned(stage, door=change(stage))
    assert caught.value.remedy == grants


def test_it_frees_a_server_without_a_free_slot(cramped: Stage) -> None:
    door = cramped.door()
    if not cramped.admin("SELECT 1 FROM pg_settings WHERE name = 'reserved_connections'"):
        door = door.model_copy(update={"reserve_url": cramped.url("boss")})
    while True:
        try:
            cramped.session("leaky")
        except psycopg.OperationalError:
            break
    plan = EndIdleSessions().plan(door, idle=AT_ONCE)

    EndIdleSessions().apply(door, plan)

    assert lives(cramped.session("welcome"))


def test_it_survives_a_hostile_application_name(stage: Stage) -> None:
    name = "x'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity; --%s %(pid)s"[:63]
    forgotten = holds(stage, 2, name)
    innocent = holds(stage, 1, "shop")

    assert ALL.apply(stage.door(), planned(stage)).says == "2 sessions: 2 ended."
    assert not any(map(lives, forgotten))
    assert all(map(lives, innocent))
