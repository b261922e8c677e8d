"""The fault breaks what it says, and mends it whatever happened in between."""

from __future__ import annotations

import threading

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import CannotLook, Refused
from tasks.postgres.locks import faults
from tasks.postgres.locks.actions import TerminateBlockingSessions
from tasks.postgres.locks.faults import HOLDER, LeaveTransactionOpen
from tests.tasks.postgres.conftest import Stage, until


def lab(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name=str(kind), kind=kind, systems={"postgres": stage.door()})


def left(stage: Stage) -> list[tuple[object, ...]]:
    """The drill's sessions that are still there."""
    return stage.admin("SELECT 1 FROM pg_stat_activity WHERE application_name ~ '^(web-|billing-worker)'")


def drill_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("web-")]


def test_it_makes_a_queue_behind_an_open_transaction_and_mends_it(stage: Stage) -> None:
    with LeaveTransactionOpen(waiters=4).during(lab(stage)):
        (chain,) = stage.chains()
        assert (chain["application"], chain["state"], chain["waiting"]) == (HOLDER, "idle in transaction", 4)
        assert (chain["user"], chain["relation"]) == ("app", "leads")
        assert chain["query"] == "UPDATE public.leads SET status = status WHERE id = $1"

    until(lambda: not left(stage), "the drill's sessions are gone")
    assert drill_threads() == []


def test_it_mends_what_the_action_already_ended(stage: Stage, impatient: None) -> None:
    postgres = stage.door()
    with LeaveTransactionOpen().during(lab(stage)):
        plan = TerminateBlockingSessions().plan(postgres)
        assert TerminateBlockingSessions().apply(postgres, plan).complete
        until(lambda: not stage.chains(), "the queue drains; no waiter becomes the next head")

    until(lambda: not left(stage), "the drill's sessions are gone")


def test_it_mends_when_everything_was_ended(stage18: Stage) -> None:
    with LeaveTransactionOpen().during(lab(stage18)):
        stage18.admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^(web-|billing)'"
        )
        until(lambda: not left(stage18), "all are ended")

    assert drill_threads() == []


def test_it_mends_although_somebody_else_holds_the_waiters_up(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ENDS_WITHIN_S", 0.2)
    stage18.admin(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF current_setting('application_name') LIKE 'web-%' THEN PERFORM pg_advisory_xact_lock(1); END IF; "
        "RETURN new; END $$;"
        "CREATE TRIGGER wait BEFORE UPDATE ON leads FOR EACH STATEMENT EXECUTE FUNCTION wait()"
    )
    stage18.begins("colleague", "SELECT pg_advisory_xact_lock(1)")

    with LeaveTransactionOpen().during(lab(stage18)):
        assert {chain["application"] for chain in stage18.chains()} >= {"colleague"}

    until(lambda: not left(stage18), "the drill's sessions are gone")
    assert drill_threads() == []


def test_it_does_not_wait_for_a_row_that_somebody_else_holds(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "HOLDS_WITHIN_S", 0.1)
    stage18.begins("colleague", "UPDATE leads SET status = status WHERE id = 2")

    with pytest.raises(CannotLook, match="is locked"), LeaveTransactionOpen(row=2).during(lab(stage18)):
        pytest.fail("it did not break anything")


def test_it_cleans_up_when_it_fails_half_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "QUEUES_WITHIN_S", -1.0)
    # The question that never sees a queue: as if the sessions had not come to wait in time.
    monkeypatch.setattr(faults, "STILL_WAITING", "SELECT 1 AS pid WHERE %(pids)s::int[] IS NULL")

    with pytest.raises(CannotLook, match="Not all of 3 sessions queued"), LeaveTransactionOpen().during(lab(stage)):
        pytest.fail("it did not break anything")

    until(lambda: not left(stage), "the drill's sessions are gone")
    assert drill_threads() == []


def test_it_cleans_up_when_connections_run_out(stage18: Stage) -> None:
    stage18.admin("ALTER ROLE app CONNECTION LIMIT 3")
    try:
        with (
            pytest.raises(CannotLook, match="as its connection limit"),
            LeaveTransactionOpen().during(lab(stage18)),
        ):
            pytest.fail("it did not break anything")
    finally:
        stage18.admin("ALTER ROLE app CONNECTION LIMIT -1")

    until(lambda: not left(stage18), "the drill's sessions are gone")


@pytest.mark.parametrize(
    ("prepare", "fault", "said"),
    [
        ("DROP TABLE leads", LeaveTransactionOpen(), "There is no table leads with a plain column to update."),
        ("TRUNCATE leads", LeaveTransactionOpen(), "leads is empty: there is no row to lock."),
    ],
)
def test_it_says_what_it_lacks(stage18: Stage, prepare: str, fault: LeaveTransactionOpen, said: str) -> None:
    stage18.admin(prepare)

    with pytest.raises(Refused) as caught, fault.during(lab(stage18)):
        pytest.fail("it did not break anything")

    assert caught.value.says == said
    until(lambda: not left(stage18), "the drill's sessions are gone")


def test_it_refuses_production(stage18: Stage) -> None:
    with pytest.raises(RefusesProduction), LeaveTransactionOpen().during(lab(stage18, Kind.PRODUCTION)):
        pytest.fail("it broke production")

    assert left(stage18) == []
