"""The gate against everyone who reaches Prefect's API: only an answer that counts opens it, and it counts once.

The run is suspended on a real server; its process is this one, so that it can be stopped between any two moves.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, Pause
from prefect.input.actions import create_flow_run_input, read_flow_run_input
from prefect.input.run_input import keyset_from_paused_state
from prefect.states import AwaitingRetry, Completed, Crashed, Running, Scheduled, Suspended

from flows.case.question import Decision, Question, open_question
from flows.gate import suspend
from flows.gate.reply import NotWaiting, reply
from flows.incident import incident
from flows.keepers.recover import PATIENCE, Recoverer
from flows.run.clock import now
from flows.run.trigger import trigger
from tests.deployments.processes import wait_until
from tests.flows.room import SLUG, Room

NO_ANSWER = "The run was started again without an answer."
STEP = "step/switch-the-lamp-on"


class Died(BaseException):
    """This process, killed in the middle."""


@dataclass
class Gate:
    """A deployed run in a dark room that stands at its gate."""

    room: Room
    client: SyncPrefectClient

    @property
    def id(self) -> UUID:
        return UUID(self.room.incident)

    def trigger(self, environment: str = "room") -> None:
        self.room.incident = str(trigger(SLUG, {"runbook": SLUG, "environment": environment}))

    def open(self, environment: str = "room") -> Question:
        self.trigger(environment)
        return self.asked()

    def execute(self) -> None:
        """What a worker does with a scheduled run, up to its end or its next suspension."""
        from prefect.flow_engine import run_flow

        run = self.client.read_flow_run(self.id)
        with contextlib.suppress(Pause, Abort):
            run_flow(incident, flow_run=run, parameters=run.parameters, return_type="state")

    def asked(self) -> Question:
        """Execute the run; it must ask, and wait."""
        self.execute()
        assert self.state == "Suspended"
        question = open_question(self.room.entries)
        assert question is not None
        assert self.room.count("tried") == 0
        return question

    @property
    def state(self) -> str:
        state = self.client.read_flow_run(self.id).state
        return state.name or "" if state else ""

    def force(self, state: State[Any]) -> None:
        self.client.set_flow_run_state(self.id, state, force=True)

    def rejects(self, question: Question) -> None:
        """The gate still works: a rejection is taken, and nothing was ever done."""
        reply(question, Decision.REJECT, "ana", "no")
        self.execute()
        assert self.room.entry(f"{STEP}/closed")["fate"] == "rejected"
        assert self.room.count("tried") == 0


A_FURTHER_DEATH = pytest.mark.strict(
    "One more moment at which the process that asks may die. Each gate here is opened by a new one."
)


@pytest.fixture
def gate(room: Room) -> Iterator[Gate]:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        client.create_deployment(flow_id=flow, name=SLUG.replace("/", "."), entrypoint="flows.incident.incident")
        yield Gate(room, client)


def approve(question: Question) -> None:
    reply(question, Decision.APPROVE, "ana", "because")


def response_key(question: Question) -> str:
    return f"suspended-{question.pause_key}-response"


def test_it_opens_to_an_answer_that_counts(gate: Gate) -> None:
    approve(gate.open())
    gate.execute()
    assert gate.room.verdict == "fixed"
    assert gate.room.count("switched on") == 1


NO_ANSWERS: list[dict[str, Any] | None] = [
    None,
    {},
    {"decision": "maybe", "name": "ana"},
    {"name": "ana"},
    {"decision": [], "name": "ana"},
]


def test_it_lets_the_server_refuse_what_is_no_answer(gate: Gate) -> None:
    question = gate.open()
    for said in NO_ANSWERS:
        assert gate.client.resume_flow_run(gate.id, run_input=said).status.value == "REJECT"
    gate.rejects(question)


@pytest.mark.strict("Waits long, and wakes nobody who could do harm.")
def test_it_asks_again_when_it_is_woken_without_an_answer(gate: Gate) -> None:
    question = gate.open()
    woken: list[State[Any]] = [Scheduled(), Running(), Scheduled(name="Resuming"), AwaitingRetry(), Completed()]
    for state in [*woken, Crashed()]:
        gate.force(state)
        # What the recoverer does with a run that nobody executes.
        gate.force(AwaitingRetry())
        question = gate.asked()
        assert question.refused == NO_ANSWER
    gate.rejects(question)


FORGED: list[tuple[Any, str]] = [
    ("approve", NO_ANSWER),
    ([], NO_ANSWER),
    ({"decision": "approve", "name": "mallory"}, "'mallory' is not on the roster of room."),
    ({"decision": "approve", "name": ["ana"]}, "\"['ana']\" is not on the roster of room."),
    ({"decision": "do it", "name": "ana"}, "'do it' is no decision."),
    ({"decision": "approve", "name": "ana"}, "The answer was given for another plan than the one shown here."),
    ({"decision": "approve", "name": "ana", "plan": "0" * 64}, "The answer was given for another plan"),
    ({"decision": "approve", "name": "ana\0", "note": "n" * 9999, "plan": 7}, "'ana\\x00' is not on the roster"),
]


def test_it_refuses_an_answer_written_past_the_form(gate: Gate) -> None:
    question = gate.open()
    for row, sentence in FORGED:
        create_flow_run_input(response_key(question), row, flow_run_id=gate.id)
        gate.force(Scheduled(name="Resuming"))
        question = gate.asked()
        assert question.refused.startswith(sentence)
    gate.rejects(question)


def test_it_shows_its_own_plan_and_takes_its_own_answer_whatever_was_written_beforehand(gate: Gate) -> None:
    """Pause keys can be guessed: a form or an answer may lie there before the question is asked."""
    gate.trigger()
    key = "suspended-step-switch-the-lamp-on-ask-1"
    create_flow_run_input(f"{key}-description", "Harmless.", flow_run_id=gate.id)
    create_flow_run_input(f"{key}-schema", {}, flow_run_id=gate.id)
    create_flow_run_input(f"{key}-response", {"decision": "approve", "name": "ana"}, flow_run_id=gate.id)
    question = gate.asked()
    assert "lamp on a" in str(read_flow_run_input(f"{key}-description", flow_run_id=gate.id))
    gate.rejects(question)


def test_it_can_still_be_answered_when_an_answer_was_forged_while_it_waited(gate: Gate) -> None:
    question = gate.open()
    create_flow_run_input(response_key(question), {"decision": "approve", "name": "mallory"}, flow_run_id=gate.id)
    with pytest.raises(NotWaiting, match="Prefect did not take the answer"):
        approve(question)
    Recoverer(gate.room.journal, print).look()
    again = gate.asked()
    assert again.refused == NO_ANSWER
    gate.rejects(again)


def test_it_takes_one_of_two_answers_given_at_the_same_moment(gate: Gate) -> None:
    question = gate.open()
    ready = threading.Barrier(2)
    outcomes: list[object] = []

    def answer() -> None:
        ready.wait()
        try:
            approve(question)
            outcomes.append(None)
        except NotWaiting as error:
            outcomes.append(error)

    threads = [threading.Thread(target=answer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotWaiting"]
    gate.execute()
    assert gate.room.verdict == "fixed"
    assert gate.room.count("tried") == 1


def test_it_refuses_an_answer_after_the_end(gate: Gate) -> None:
    question = gate.open()
    gate.rejects(question)
    with pytest.raises(NotWaiting, match="does not wait for this answer"):
        approve(question)


def test_it_waits_with_an_answer_until_the_run_is_suspended(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is on record before the run is suspended; whoever answers at once must not be turned away."""
    answering: list[threading.Thread] = []

    def answered_at_once(self: suspend.SuspendedRun, question: Question) -> Pause:
        thread = threading.Thread(target=approve, args=(question,))
        answering.append(thread)
        thread.start()
        return suspended(self, question)

    suspended = suspend.SuspendedRun._suspended
    monkeypatch.setattr(suspend.SuspendedRun, "_suspended", answered_at_once)
    gate.trigger()
    gate.execute()
    answering[0].join()
    gate.execute()
    assert gate.room.verdict == "fixed"


def die(*_: object, **__: object) -> None:
    raise Died


@A_FURTHER_DEATH
@pytest.mark.parametrize("moment", ["SuspendedRun._suspended", "propose_state_sync", "form", "Pause"])
def test_it_can_be_answered_whenever_its_process_died_while_asking(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    gate.trigger()
    with monkeypatch.context() as patch:
        patch.setattr(f"flows.gate.suspend.{moment}", die)
        with pytest.raises(Died):
            gate.execute()
    gate.force(AwaitingRetry())
    gate.execute()
    assert gate.state == "Suspended"
    question = open_question(gate.room.entries)
    assert question is not None
    approve(question)
    gate.execute()
    assert gate.room.verdict == "fixed"


@A_FURTHER_DEATH
def test_it_asks_again_when_its_process_died_before_the_form_was_there(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is suspended then, and the server refuses every answer: nobody else would notice."""
    gate.trigger()
    monkeypatch.setitem(PATIENCE, "PAUSED", timedelta(0))
    with monkeypatch.context() as patch:
        patch.setattr("flows.gate.suspend.form", die)
        with pytest.raises(Died):
            gate.execute()
    question = open_question(gate.room.entries)
    assert question is not None
    # What a process leaves behind that is killed: ours above has still said that it crashed.
    state: State[Any] = Suspended(pause_key=question.pause_key)
    state.state_details.run_input_keyset = dict(keyset_from_paused_state(state))  # type: ignore[arg-type]
    gate.force(state)
    recoverer = Recoverer(gate.room.journal, print)
    recoverer.look()
    assert gate.state == "Suspended"  # it may be about to save it
    recoverer.look()
    question = gate.asked()
    approve(question)
    gate.execute()
    assert gate.room.verdict == "fixed"


@A_FURTHER_DEATH
def test_it_takes_an_answer_that_was_given_but_not_recorded_when_its_process_died(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect forgets its pause keys when a crashed run is scheduled again: the answer must not be asked for again."""
    approve(gate.open())
    with monkeypatch.context() as patch:
        patch.setattr("flows.gate.settle._record", die)
        with pytest.raises(Died):
            gate.execute()
    gate.force(Crashed())
    gate.force(AwaitingRetry())
    gate.execute()
    assert gate.room.verdict == "fixed"
    assert gate.room.kinds().count("asked") == 1


def test_it_takes_an_answer_given_in_time_and_picked_up_late(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    question = gate.open()
    approve(question)
    for place in ("flows.gate.settle.now", "flows.gate.suspend.now"):
        monkeypatch.setattr(place, lambda: question.expires_at + timedelta(hours=1))
    gate.execute()
    assert gate.room.verdict == "fixed"


def test_it_does_nothing_with_an_answer_given_too_late(gate: Gate) -> None:
    question = gate.open(environment="hasty")
    wait_until(lambda: now() > question.expires_at, "it expires")
    approve(question)
    gate.execute()
    assert gate.room.entry(f"{STEP}/closed")["fate"] == "expired"
    assert gate.room.count("tried") == 0
