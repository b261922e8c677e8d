"""One root, many symptoms: the symptom waits for the root's verdict, at no cost, and never for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.states import AwaitingRetry

from deployments.commands.timeline import stands
from flows.case.question import Answer, Decision, Question
from flows.gate.reply import reply
from flows.journal import kinds
from flows.keepers.recover import Recoverer
from flows.people.escalate import due
from flows.run.clock import now
from flows.run.trigger import trigger
from flows.told.report import report
from flows.told.show import story
from tasks.environment import Environment
from tests.deployments.processes import wait_until
from tests.flows.gate.test_gate import Gate
from tests.flows.raw import Raw
from tests.flows.room import Room, said

MOTHS, DUST = "house/moths", "house/dust"
OPENED = {"runbook": DUST, "environment": "room", "severity": "P3", "reason": "It is dusty."}


@pytest.fixture
def leader(room: Room) -> Iterator[str]:
    """An incident of the root, open until the test ends it."""
    room.set(lit=True, moths=3)
    incident = str(uuid4())
    room.journal.note(incident, "engine", "opened", Raw("opened", OPENED))
    yield incident
    if not any(entry.key == "closed" for entry in room.journal.read(incident)):
        end(room, incident)


def end(room: Room, leader: str, verdict: str = "fixed") -> None:
    room.journal.note(leader, "engine", "closed", kinds.Closed(verdict=verdict, says="It was swept."))


def meanwhile(*happens: Callable[[], None]) -> Callable[[Question], None]:
    """Nobody answers; this happens, and the run is woken."""

    def woken(_: Question) -> None:
        for one in happens:
            one()

    return woken


def led(room: Room) -> tuple[str, bool]:
    body = room.entry("follow/led")
    return body["says"], body["goes_on"]


def test_it_waits_for_the_root_and_closes_when_what_it_found_went_with_it(room: Room, leader: str) -> None:
    script = room.live(meanwhile(lambda: end(room, leader), lambda: room.set(moths=0)), slug=MOTHS)
    [asked] = script.asked
    assert (asked.title, asked.plan.commands) == ("Wait for house/dust", ())
    assert "then it goes on by itself." in story(asked)
    assert "approve when it is done" not in story(asked)
    assert asked.reason == (
        f"3 moths sit on the lamp. house/dust is open in room as well: incident {leader[:8]}. "
        "This one may be a symptom of it, and waits for its verdict."
    )
    assert led(room) == ("house/dust has ended: fixed. What was found here is gone, too.", False)
    assert (room.verdict, room.count("shooed")) == ("recovered by itself", 0)
    assert "This one may be a symptom of it" in report(room.entries)


def test_each_knows_of_the_other(room: Room, leader: str) -> None:
    room.live(lambda q: said(q, "skip"), slug=MOTHS)
    own = room.entry(f"beside/{leader}")
    assert (own["incident"], own["runbook"], own["leads"]) == (leader, DUST, True)
    [other] = [entry.body for entry in room.journal.read(leader) if entry.is_a(kinds.Beside)]
    assert (other["incident"], other["runbook"], other["leads"]) == (room.incident, MOTHS, False)
    assert other["says"] == (
        f"house/moths is open in room as well: incident {room.incident[:8]}. "
        "It may be a symptom of this one, and waits for its verdict."
    )


def test_the_list_says_for_whom_it_waits(room: Room, leader: str) -> None:
    told: list[dict[str, str]] = []

    def listed() -> None:
        told.append({one.runbook: stands(room.journal, one) for one in room.journal.incidents(limit=2)})

    def answered(question: Question) -> Answer:
        listed()
        return said(question)

    room.live(meanwhile(listed, lambda: end(room, leader, "unchanged")), answered, slug=MOTHS)
    listed()
    assert told == [
        {MOTHS: f"waits for {leader[:8]}", DUST: "open"},
        {MOTHS: "waits for an answer", DUST: "unchanged"},
        {MOTHS: "fixed", DUST: "unchanged"},
    ]


def test_it_takes_its_own_steps_when_the_root_ended_and_it_is_still_there(room: Room, leader: str) -> None:
    script = room.live(meanwhile(lambda: end(room, leader, "unchanged")), said, slug=MOTHS)
    assert [q.title for q in script.asked] == ["Wait for house/dust", "Shoo the moths away"]
    assert led(room) == (
        "house/dust has ended: unchanged. What was found here is still there, and gets its own steps.",
        True,
    )
    assert (room.verdict, room.count("shooed")) == ("fixed", 1)


def test_it_closes_while_the_root_is_open_when_what_it_found_is_gone(room: Room, leader: str) -> None:
    room.live(meanwhile(lambda: room.set(moths=0)), slug=MOTHS)
    assert led(room) == ("house/dust is open. What was found here is gone, too.", False)
    assert room.verdict == "recovered by itself"


def test_a_person_has_it_go_on_beside_the_root(room: Room, leader: str) -> None:
    script = room.live(said, said, slug=MOTHS)
    assert [q.title for q in script.asked] == ["Wait for house/dust", "Shoo the moths away"]
    assert led(room) == ("ana has it go on beside house/dust. because", True)
    assert room.count("shooed") == 1


def test_nobody_else_has_it_go_on(room: Room, leader: str) -> None:
    room.live(lambda q: said(q, name="mallory"), lambda q: said(q, "skip"), slug=MOTHS)
    assert room.count("shooed") == 0


@pytest.mark.parametrize("decision", ["skip", "reject"])
def test_a_person_leaves_it_to_the_root(room: Room, leader: str, decision: str) -> None:
    room.live(lambda q: said(q, decision), slug=MOTHS)
    assert led(room) == ("ana leaves it to house/dust. because", False)
    assert "verifying" not in room.kinds(), "it is closed as it is, and nobody waits for it to get well"
    assert (room.verdict, room.count("shooed")) == ("unchanged", 0)


def test_it_follows_nothing_where_no_root_is_open(room: Room, leader: str) -> None:
    end(room, leader)
    script = room.live(said, slug=MOTHS)
    assert [q.title for q in script.asked] == ["Shoo the moths away"]
    assert not {"beside", "led"} & set(room.kinds())


def test_it_follows_nothing_of_another_environment(room: Room, leader: str) -> None:
    script = room.live(said, slug=MOTHS, environment="hasty")
    assert [q.title for q in script.asked] == ["Shoo the moths away"]


def test_what_means_now_waits_for_nobody(room: Room, leader: str) -> None:
    script = room.live(said, slug=MOTHS, severity="P0")
    assert [q.title for q in script.asked] == ["Shoo the moths away"]
    assert room.entry(f"beside/{leader}")["leads"] is False


def test_the_root_waits_for_none_of_its_symptoms(room: Room) -> None:
    symptom = str(uuid4())
    room.journal.note(symptom, "engine", "opened", Raw("opened", {**OPENED, "runbook": MOTHS}))
    room.set(specks=[["a", 10, "fluff"]])
    script = room.live(said, slug=DUST)
    room.journal.note(symptom, "engine", "closed", kinds.Closed(verdict="fixed", says="."))
    assert [q.title for q in script.asked] == ["Sweep the dust away"]
    assert room.entry(f"beside/{symptom}")["leads"] is False


def test_a_root_that_opens_later_holds_nothing_up(room: Room) -> None:
    """Its steps were asked about already: a run that is taken up again does not begin to wait in the middle of them."""
    room.set(moths=2)
    later = str(uuid4())

    def opens(_: Question) -> None:
        room.journal.note(later, "engine", "opened", Raw("opened", OPENED))

    script = room.live(opens, said, slug=MOTHS)
    end(room, later)
    assert [q.title for q in script.asked] == ["Shoo the moths away"] * 2


@pytest.fixture
def gate(room: Room) -> Iterator[Gate]:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        client.create_deployment(flow_id=flow, name=MOTHS.replace("/", "."), parameters={"runbook": MOTHS})
        yield Gate(room, client)


def test_the_recoverer_wakes_it_when_the_root_has_ended_however_that_was(gate: Gate, leader: str) -> None:
    gate.room.incident = str(trigger(MOTHS, {"runbook": MOTHS, "environment": "room"}))
    gate.asked()
    keeper = Recoverer(gate.room.journal, print)
    with gate.room.journal.hold(leader):
        for _ in range(2):
            keeper.look()
            assert gate.state == "Suspended"
    gate.room.set(moths=0)

    def woken() -> bool:
        # The root has no run in Prefect: this closes it as abandoned, too.
        keeper.look()
        return gate.state == "AwaitingRetry"

    wait_until(woken, "it is woken", 30)
    gate.execute()
    assert gate.room.verdict == "recovered by itself"
    assert "house/dust has ended: abandoned." in led(gate.room)[0]


def test_it_goes_on_by_itself_when_its_time_is_over(gate: Gate, leader: str) -> None:
    gate.room.journal.note(other := str(uuid4()), "engine", "opened", Raw("opened", {**OPENED, "environment": "hasty"}))
    gate.room.incident = str(trigger(MOTHS, {"runbook": MOTHS, "environment": "hasty"}))
    waits = gate.asked()
    assert waits.title == "Wait for house/dust"
    wait_until(lambda: now() > waits.expires_at, "nobody answered in time", 30)
    gate.force(AwaitingRetry())
    own = gate.asked()
    end(gate.room, other)
    assert own.title == "Shoo the moths away"
    assert led(gate.room) == ("house/dust has no verdict in time: this one goes on by itself.", True)
    reply(own, Decision.REJECT, "ana", "")
    gate.execute()


def test_on_call_is_told_once_and_nobody_up_the_ladder(gate: Gate, leader: str) -> None:
    gate.room.incident = str(trigger(MOTHS, {"runbook": MOTHS, "environment": "room"}))
    question = gate.asked()
    [summary] = [s for s in gate.room.journal.incidents(open_only=True) if s.incident == gate.room.incident]
    at_once = {"P3": {"on-call": 0, "senior": 0, "manager": 0}}
    place = Environment.model_validate({"name": "room", "kind": "lab", "escalation": at_once})
    [message] = due(summary, gate.room.entries, place)
    assert (message.role, message.title) == ("on-call", "P3 room: Wait for house/dust?")
    assert message.text.endswith(
        f"To decide otherwise: incident approve {question.incident[:8]}, or Resume in the Prefect UI."
    )
    reply(question, Decision.SKIP, "ana", "")
    gate.execute()


def test_an_answer_is_what_it_needs(room: Room, leader: str) -> None:
    """A code where codes are asked for: whoever may not approve steps may not have it go on either."""
    room.journal.note(other := str(uuid4()), "engine", "opened", Raw("opened", {**OPENED, "environment": "guarded"}))
    over = meanwhile(lambda: end(room, other), lambda: room.set(moths=0))
    script = room.live(said, over, slug=MOTHS, environment="guarded")
    assert "one-time code" in script.asked[1].refused
    assert room.count("shooed") == 0
