"""The recoverer's judgement, on a real server: which runs nobody executes any more, whatever the clocks say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Crashed, Running, Suspended

from flows.case.bodies import plan_body
from flows.journal import Journal
from flows.keepers import recover
from flows.keepers.recover import RESTARTS, Recoverer
from flows.run.clock import now
from tasks.model import BlastRadius, Command, Plan, Risk, Row
from tests.deployments.processes import wait_until
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw


@flow(name="incident")
def nothing() -> None:
    """Stands for the flow of an incident; it is never run."""


@dataclass(frozen=True)
class Ward:
    """Runs that nobody executes, and the one who looks after them."""

    journal: Journal
    client: Any
    deployment: UUID

    def run(self, state: Any, *kinds: str) -> UUID:
        """A run in that state, its incident with entries of these kinds."""
        run: UUID = self.client.create_flow_run_from_deployment(self.deployment).id
        self.client.set_flow_run_state(run, state, force=True)
        for kind in kinds:
            body = {"runbook": "house/dark-room", "environment": "room", "verdict": "fixed", "says": "Fixed."}
            self.journal.note(str(run), "engine", kind, Raw(kind, body))
        return run

    def state(self, run: UUID) -> str:
        return str(self.client.read_flow_run(run).state.name)


@pytest.fixture
def ward(roles: Roles, prefect_server: None) -> Iterator[Ward]:
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(nothing), name=f"ward-{uuid4()}")
        yield Ward(roles.journal(), client, deployment)
        client.delete_deployment(deployment)


def test_it_has_a_run_tell_how_its_incident_ended(ward: Ward) -> None:
    """Killed between the entry `closed` and Prefect's last state."""
    run = ward.run(Crashed(), "opened", "closed")
    looker = Recoverer(ward.journal, print)
    looker.look()
    assert ward.state(run) == "Crashed"
    looker.look()
    assert ward.state(run) == "AwaitingRetry"
    assert [entry.kind for entry in ward.journal.read(str(run))] == ["opened", "closed"]


def test_it_leaves_a_run_alone_that_is_just_ending(ward: Ward) -> None:
    run = ward.run(Crashed(), "opened", "closed")
    looker = Recoverer(ward.journal, print)
    with ward.journal.hold(str(run)):
        for _ in range(3):
            looker.look()
    assert ward.state(run) == "Crashed"


def test_it_gives_up_a_run_that_always_dies_after_its_end(ward: Ward) -> None:
    run = ward.run(Crashed(), "opened", "closed")
    told: list[str] = []
    looker = Recoverer(ward.journal, told.append)
    for _ in range(RESTARTS + 2):
        looker.look()
        looker.look()
        ward.client.set_flow_run_state(run, Crashed(), force=True)
    tried = [state.name for state in ward.client.read_flow_run_states(run)].count("AwaitingRetry")
    assert tried == RESTARTS
    assert told[-1].startswith(f"{run}: died {RESTARTS} times, the last after its incident was closed; given up.")


@pytest.mark.parametrize("hours", [-1, 1])
def test_it_finds_an_orphan_whatever_its_own_clock_says(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Set back by an hour, it once waited for an hour until the run had been Running for eight seconds."""
    monkeypatch.setattr(recover, "now", lambda: now() + timedelta(hours=hours))
    monkeypatch.setitem(recover.PATIENCE, "RUNNING", timedelta(seconds=0.3))
    run = ward.run(Running(), "opened")
    looker = Recoverer(ward.journal, print)

    def taken_up() -> bool:
        looker.look()
        return ward.state(run) == "AwaitingRetry"

    wait_until(taken_up, "the orphan is taken up")
    looker.look()
    assert [entry.kind for entry in ward.journal.read(str(run))] == ["opened", "recovered"]


def test_it_closes_what_no_run_can_be_and_looks_at_all_others(ward: Ward) -> None:
    """Whoever has the running role's password can write an incident of any name."""
    ward.journal.note("1-no-run", "mallory", "opened", Raw("opened", {}))
    run = ward.run(Crashed(), "opened", "closed")
    looker = Recoverer(ward.journal, print)
    looker.look()
    looker.look()
    assert [entry.kind for entry in ward.journal.read("1-no-run")][-1] == "closed"
    assert ward.state(run) == "AwaitingRetry"


def waits(ward: Ward, minutes: int = 60) -> UUID:
    """A run at its gate, with the form there."""
    run: UUID = ward.client.create_flow_run_from_deployment(ward.deployment).id
    ward.client.set_flow_run_state(run, Suspended(timeout_seconds=3600, pause_key="step-1"), force=True)
    ward.journal.note(
        str(run), "engine", "opened", Raw("opened", {"runbook": "house/dark-room", "environment": "room"})
    )
    plan = Plan(
        does="Switches it on.",
        commands=(Command(line="on", target={"lamp": 1}),),
        blast_radius=BlastRadius(touched=1, total=1, noun="lamps"),
        risk=Risk.LOW,
        loses="Nothing.",
    )
    asked: Row = {
        "title": "Switch it on",
        "reason": "It is dark.",
        "plan": plan_body(plan),
        "digest": "d",
        "expires_at": (now() + timedelta(minutes=minutes)).isoformat(),
        "refused": "",
    }
    ward.journal.note(str(run), "engine", "step/1/asked", Raw("asked", asked))
    return run


def test_it_costs_nothing_to_wait(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand incidents at their gates were read one by one, every two seconds."""
    runs = [waits(ward) for _ in range(3 * recover.IN_TURN)]
    looker = Recoverer(ward.journal, print)
    looker.look()
    looked: list[str] = []
    read = recover._read

    def counted(client: Any, incident: str) -> Any:
        looked.append(incident)
        return read(client, incident)

    monkeypatch.setattr(recover, "_read", counted)
    looker.look()
    assert len(looked) == recover.IN_TURN
    # Each has its turn, whatever the others do.
    looker.look()
    looker.look()
    assert sorted(looked) == sorted(str(run) for run in runs)


def test_it_finds_whoever_waits_no_longer_out_of_turn(ward: Ward) -> None:
    runs = [waits(ward) for _ in range(3 * recover.IN_TURN)]
    looker = Recoverer(ward.journal, print)
    looker.look()
    # The one that was looked at last would be the last to have its turn.
    last = UUID(list(looker.waiting)[-1])
    assert last in runs
    ward.client.set_flow_run_state(last, Cancelled(), force=True)
    looker.look()
    assert [entry.kind for entry in ward.journal.read(str(last))][-1] == "closed"


def test_it_looks_at_whoever_was_changed_and_at_no_other_that_waits(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was deleted is no longer among those in another state: without being named it would have to wait."""
    for _ in range(3 * recover.IN_TURN):
        waits(ward)
    moved: list[set[str] | None] = [None]
    looker = Recoverer(ward.journal, print, moved=lambda: moved.pop(0))
    looker.look()
    last = list(looker.waiting)[-1]
    ward.client.delete_flow_run(UUID(last))
    looked: list[str] = []
    monkeypatch.setattr(recover, "_read", lambda _client, incident: looked.append(incident))
    moved.append({last})
    looker.look()
    assert looked == [last]
    assert [entry.kind for entry in ward.journal.read(last)][-1] == "closed"


def test_it_no_longer_takes_for_waiting_what_was_seen_to_go_on(ward: Ward) -> None:
    """Its process then dies without a word to Prefect: that is found at the next looks."""
    run = waits(ward)
    moved: list[set[str] | None] = [None, {str(run)}, set(), set(), set()]
    looker = Recoverer(ward.journal, print, moved=lambda: moved.pop(0))
    looker.look()
    assert list(looker.waiting) == [str(run)]
    with ward.journal.hold(str(run)):
        ward.client.set_flow_run_state(run, Crashed(), force=True)
        looker.look()
    looker.look()
    looker.look()
    assert ward.state(run) == "AwaitingRetry"


def test_it_wakes_a_gate_whose_time_is_over_out_of_turn(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    late = waits(ward, minutes=5)
    for _ in range(3 * recover.IN_TURN):
        waits(ward)
    looker = Recoverer(ward.journal, print)
    looker.look()
    # Whoever was opened first is looked at last.
    assert list(looker.waiting)[-1] == str(late)
    monkeypatch.setattr(recover, "now", lambda: now() + timedelta(minutes=6))
    looker.look()
    assert ward.state(late) == "AwaitingRetry"


def test_it_keeps_its_client_until_prefect_does_not_answer(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client for each look would be most of what an idle stack's recoverer costs."""
    looker = Recoverer(ward.journal, print)
    looker.look()
    first = looker.client
    looker.look()
    assert looker.client is first

    def silent(*_: object) -> None:
        raise httpx.ConnectError("nobody listens")

    with monkeypatch.context() as patch:
        patch.setattr(recover, "_unfinished", silent)
        with pytest.raises(httpx.ConnectError):
            looker.look()
    looker.look()
    assert looker.client is not first


def test_it_asks_prefect_nothing_where_nothing_was_changed(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking every two seconds was most of what an idle stack cost."""
    asked: list[None] = []
    # Other tests leave runs on the server.

    def unfinished(*_: Any) -> list[Any]:
        asked.append(None)
        return []

    monkeypatch.setattr(recover, "_unfinished", unfinished)
    moved: list[set[str] | None] = [None, set(), set(), {"some run"}]
    looker = Recoverer(ward.journal, print, moved=lambda: moved.pop(0))
    for expected in (1, 1, 1, 2):
        looker.look()
        assert len(asked) == expected
    monkeypatch.setattr(recover, "ASKS_ANYWAY_S", 0.0)
    moved = [set()]
    looker.look()
    assert len(asked) == 3


def test_a_change_is_not_forgotten_by_a_look_that_failed(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ward.run(Crashed())
    moved: list[set[str] | None] = [set(), {str(run)}, set(), set(), set()]
    looker = Recoverer(ward.journal, print, moved=lambda: moved.pop(0))
    looker.look()
    with monkeypatch.context() as gone:

        def refused(*_: Any) -> Any:
            raise httpx.ConnectError("gone")

        gone.setattr(recover, "_unfinished", refused)
        with pytest.raises(httpx.ConnectError):
            looker.look()
    looker.look()
    looker.look()
    assert ward.state(run) == "AwaitingRetry"


def test_an_alert_that_comes_and_goes_is_no_progress_of_a_run_that_dies_each_time(ward: Ward) -> None:
    run = ward.run(Crashed(), "opened")
    for number in range(RESTARTS):
        for kind in ("recovered", "alert resolved", "seen again"):
            ward.journal.note(str(run), "somebody", f"{kind}/{number}", Raw(kind, {"says": "again"}))
    looker = Recoverer(ward.journal, print)
    for _ in range(2):
        looker.look()
    closed = ward.journal.read(str(run))[-1]
    assert (closed.kind, closed.body["verdict"]) == ("closed", "abandoned")
