"""Can anybody make a step happen without proving to be somebody who may? And where it takes two, without a second?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.input.actions import create_flow_run_input
from prefect.states import Running, Scheduled
from pydantic import SecretStr, ValidationError

from flows.case.question import Answer, Question
from flows.gate.proof import WRONG_CODES, Claim, needed, sign, unproved
from flows.gate.quorum import people_needed
from flows.journal import Journal
from flows.run.clock import now
from tasks.action import Action
from tasks.environment import Environment, Kind
from tasks.model import BlastRadius, NoWayBack, Outcome, Plan, Risk
from tasks.roster import Approver
from tests.flows.gate.test_gate import STEP, Gate, gate, response_key
from tests.flows.journal.conftest import Roles
from tests.flows.room import SECRETS, Room, furnish, said

__all__ = ["gate"]


@pytest.fixture
def room(tmp_path: Path, roles: Roles, prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> Room:
    """With a journal of its own: which codes were used and which were wrong is known over all incidents."""
    return furnish(tmp_path, roles.runner_url, monkeypatch)


Reply = Callable[[Question], Answer]


def code(name: str, steps: int = 0, at: Any = None) -> str:
    return pyotp.TOTP(SECRETS[name]).at(at or now(), counter_offset=steps)


def rejected(question: Question) -> Answer:
    """The way out: a decision that is proved. Its code is the next one, for this step's may have been used."""
    return said(question, "reject", proof=code("ana", 1))


def refused(room: Room, *answers: Reply) -> str:
    """Nothing was done, and the last of `answers` was refused with this sentence."""
    script = room.live(*answers, rejected, environment="guarded")
    assert room.count("tried") == 0
    assert room.entry(f"{STEP}/closed")["fate"] == "rejected"
    return script.asked[len(answers)].refused


def test_it_takes_a_code_of_that_moment(room: Room) -> None:
    room.live(lambda q: said(q, proof=code("ana")), environment="guarded")
    assert (room.verdict, room.count("switched on")) == ("fixed", 1)


@pytest.fixture
def desk(roles: Roles) -> Journal:
    """A journal alone: whether an answer is proved needs no incident."""
    return roles.journal()


PLAN = Plan(
    does="x", commands=(), blast_radius=BlastRadius(touched=1, total=100, noun="things"), risk=Risk.LOW, loses=""
)
QUESTION = Question(
    incident="i", environment="guarded", key="k", title="t", reason="r", plan=PLAN, digest="d", expires_at=now()
)
PEOPLE = {
    "ana": Approver.model_validate({"roles": ["on-call"], "totp": SECRETS["ana"]}),
    "eve": Approver.model_validate({"roles": ["on-call"], "key": SECRETS["eve"]}),
    "bob": Approver.model_validate({"roles": ["senior"]}),
}


def judged(desk: Journal, answer: Answer, kind: Kind = Kind.LAB) -> str:
    return unproved(Claim(question=QUESTION, answer=answer, person=PEOPLE[answer.name], kind=kind), desk)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_it_forgives_a_clock_that_is_half_a_minute_off(desk: Journal, steps: int) -> None:
    at = now()
    assert judged(desk, said(QUESTION, proof=code("ana", steps, at), decided_at=at)) == ""


def test_it_refuses_what_is_no_proof(desk: Journal) -> None:
    for proof in ("", "000000000", "12345", "１２３４５６", "signed", "signed:", "signed::", "\x00" * 200):
        assert judged(desk, said(QUESTION, proof=proof)), proof


def test_it_refuses_a_code_of_another_moment_or_person(desk: Journal) -> None:
    at = now()
    seen_over_a_shoulder = code("ana", at=at - timedelta(minutes=2))
    for proof in (code("ana", -2, at), code("ana", 2, at), code("zoe", at=at), seen_over_a_shoulder):
        assert "is not ana's of that moment" in judged(desk, said(QUESTION, proof=proof, decided_at=at))


def test_it_takes_each_code_once_over_all_incidents(room: Room) -> None:
    at = now()
    room.live(lambda q: said(q, "reject", proof=code("ana", at=at), decided_at=at), environment="guarded")
    room.set(lit=False)
    replayed = refused(room, lambda q: said(q, proof=code("ana", at=at), decided_at=at))
    assert replayed.startswith("The one-time code was used already.")


def test_it_takes_a_code_once_when_a_hundred_ask_at_the_same_instant(desk: Journal) -> None:
    barrier, won = threading.Barrier(20), []

    def ask(n: int) -> None:
        barrier.wait()
        for k in range(5):
            won.append(desk.use_code("max", 4711, f"incident-{n}/{k}"))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), won.count(True)) == (100, 1)


def test_it_takes_the_same_answer_again_after_a_crash(desk: Journal) -> None:
    assert desk.use_code("ana", 1, "incident/step")
    assert desk.use_code("ana", 1, "incident/step")
    assert not desk.use_code("ana", 1, "incident/other")


def test_it_stops_listening_to_somebody_who_guesses(room: Room) -> None:
    def guess(question: Question) -> Answer:
        return said(question, name="zoe", proof="000000")

    script = room.live(
        *[guess] * WRONG_CODES,
        lambda q: said(q, name="zoe", proof=code("zoe")),
        rejected,
        environment="guarded",
    )
    assert script.asked[-1].refused.startswith(f"{WRONG_CODES} wrong codes were given in zoe's name within 15 minutes.")
    assert room.count("tried") == 0


def test_it_keeps_no_code_in_the_record(room: Room) -> None:
    given = code("ana")
    room.live(lambda q: said(q, proof="999999"), lambda q: said(q, proof=given), environment="guarded")
    record = str([vars(entry) for entry in room.entries])
    assert not [secret for secret in (given, "999999", *SECRETS.values()) if secret in record]


def signed(question: Question, name: str = "eve", key: str = SECRETS["eve"], **changes: Any) -> Answer:
    """An answer signed as it is given, and changed afterwards."""
    answer = said(question, name=name)
    proof = sign(SecretStr(key), question, answer.decision, answer.name, answer.note, answer.decided_at)
    return replace(answer, proof=proof, **changes)


def test_it_takes_an_answer_signed_with_the_persons_own_key(room: Room) -> None:
    room.live(signed, environment="guarded")
    assert room.verdict == "fixed"


def test_it_refuses_a_signature_under_anything_else(desk: Journal) -> None:
    assert judged(desk, signed(QUESTION)) == ""
    for change in (
        {"note": "another note"},
        {"decision": "reject"},
        {"name": "ana"},
        {"name": "bob"},
        {"decided_at": now() + timedelta(minutes=3)},
        {"decided_at": now() - timedelta(minutes=3)},
        {"proof": "signed:2026-11-21T02:00:00:ab"},
        {"proof": f"signed:{now().isoformat()}:"},
    ):
        assert judged(desk, replace(signed(QUESTION), **change), Kind.PRODUCTION), change
    assert judged(desk, signed(QUESTION, key="f" * 40))


@pytest.mark.parametrize("field", ["incident", "key", "digest"])
def test_it_refuses_a_signature_for_another_step_incident_or_plan(desk: Journal, field: str) -> None:
    elsewhere: Any = {field: "other"}
    assert "is not eve's for exactly this answer" in judged(desk, signed(replace(QUESTION, **elsewhere)))


def test_it_lets_nobody_through_the_api_without_a_code(gate: Gate) -> None:
    """Whoever reaches Prefect's API knows the roster's names, writes inputs and forces states."""
    question = gate.open("guarded")
    forged = {"decision": "approve", "name": "ana", "note": "", "plan": question.digest, "code": "123456"}
    create_flow_run_input(response_key(question), forged, flow_run_id=gate.id)
    forced: list[State[Any]] = [Running(), Scheduled()]
    for state in forced:
        gate.force(state)
        gate.execute()
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(gate.id).state
    assert gate.room.count("tried") == 0
    assert not [entry for entry in gate.room.entries if entry.kind in ("answered", "intent")]


# Two people ----------------------------------------------------------------------------------------------------------


def test_it_takes_two_different_people_where_it_takes_two(room: Room) -> None:
    script = room.live(
        said,
        said,  # ana again
        lambda q: said(q, name="zoe"),
        environment="careful",
    )
    assert [q.approved_by for q in script.asked] == [(), ("ana",), ("ana",)]
    assert script.asked[2].refused == "ana approved already; it takes 2 different people."
    assert len({q.digest for q in script.asked}) == 1
    assert (room.verdict, room.count("switched on")) == ("fixed", 1)


def test_it_does_nothing_when_the_second_person_rejects(room: Room) -> None:
    room.live(said, lambda q: said(q, "reject", name="zoe"), environment="careful")
    assert room.count("tried") == 0
    assert room.entry(f"{STEP}/closed")["fate"] == "rejected"


def test_it_does_nothing_when_no_second_person_answers(room: Room) -> None:
    late = lambda q: said(q, name="zoe", decided_at=q.expires_at + timedelta(seconds=1))  # noqa: E731
    room.live(said, late, environment="careful")
    assert room.count("tried") == 0
    assert room.entry(f"{STEP}/closed")["fate"] == "expired"


def test_it_asks_both_again_when_the_plan_has_grown(room: Room) -> None:
    def grown(question: Question) -> Answer:
        room.set(bulbs=["a", "b"])
        return said(question, name="zoe")

    script = room.live(said, grown, said, lambda q: said(q, name="zoe"), environment="careful")
    assert [q.approved_by for q in script.asked] == [(), ("ana",), (), ("ana",)]
    assert script.asked[2].refused.startswith("The approval is void")
    assert room.count("switched on") == 1


class Sweep(Action):
    """Sweep the room."""

    undo = NoWayBack(loses="The dust.")
    two_people_above = 0.2

    def plan(self) -> Plan:
        return PLAN

    def apply(self, plan: Plan) -> Outcome:
        return Outcome(says="", complete=True)

    def applied(self, plan: Plan) -> bool:
        return True


@pytest.mark.parametrize(("touched", "people"), [(0, 1), (20, 1), (21, 2), (100, 2)])
def test_it_takes_two_people_by_the_measured_share(touched: int, people: int) -> None:
    wide = replace(PLAN, blast_radius=BlastRadius(touched=touched, total=100, noun="things"))
    assert Sweep().people(wide) == people
    measured = replace(wide, people=Sweep().people(wide))
    assert people_needed(measured, Environment(name="x", kind=Kind.PRODUCTION)) == people
    assert people_needed(measured, Environment(name="x", kind=Kind.LAB)) == 1


@pytest.mark.parametrize(
    ("kind", "people", "risk", "wanted"),
    [
        (Kind.PRODUCTION, {}, Risk.HIGH, 2),
        (Kind.PRODUCTION, {"high": 1}, Risk.HIGH, 2),
        (Kind.PRODUCTION, {"high": 3}, Risk.HIGH, 3),
        (Kind.PRODUCTION, {}, Risk.MODERATE, 1),
        (Kind.PRODUCTION, {"moderate": 2}, Risk.MODERATE, 2),
        (Kind.STAGING, {}, Risk.HIGH, 1),
        (Kind.LAB, {"low": 2}, Risk.LOW, 2),
    ],
)
def test_it_lets_an_environment_be_stricter_and_never_looser(
    kind: Kind, people: dict[Any, int], risk: Risk, wanted: int
) -> None:
    measured = replace(PLAN, risk=risk)
    measured = replace(measured, people=Sweep().people(measured))
    assert people_needed(measured, Environment(name="x", kind=kind, people=people)) == wanted


def test_it_takes_no_name_alone_in_production(desk: Journal) -> None:
    assert not needed(PEOPLE["bob"], Kind.STAGING)
    assert judged(desk, said(QUESTION, name="bob")) == ""
    refused = judged(desk, said(QUESTION, name="bob"), Kind.PRODUCTION)
    assert refused.endswith("Enrol: incident approvers enrol bob")


@pytest.mark.parametrize("bad", [{"totp": "short"}, {"totp": "MFRGG==="}, {"key": "short"}])
def test_it_refuses_weak_secrets_without_showing_them(bad: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"is no secret|is too short") as error:
        Approver.model_validate({"roles": ["dba"], **bad})
    assert error.type is ValidationError


def test_it_counts_wrong_codes_whatever_clock_the_answers_carry(desk: Journal) -> None:
    """The moment of an answer is told by Prefect's server: one whose clock is fast must not wipe the slate."""
    ahead = now() + timedelta(hours=1)
    for n in range(WRONG_CODES):
        desk.note_wrong_code("ana", f"incident/{n}")
    said_later = judged(desk, said(QUESTION, proof=code("ana", at=ahead), decided_at=ahead))
    assert said_later.startswith(f"{WRONG_CODES} wrong codes were given")


def test_it_counts_wrong_codes_once_for_each_question(desk: Journal) -> None:
    for _ in range(3):
        desk.note_wrong_code("kim", "incident/step")
    assert desk.wrong_codes("kim", timedelta(minutes=1)) == 1
    assert desk.wrong_codes("kim", timedelta(0)) == 0


def test_what_is_asked_at_once_takes_a_code_as_any_step_does(room: Room) -> None:
    def proved(question: Question) -> Answer:
        assert room.count("tried to turn the current") == 0
        return said(question, proof=code("ana"))

    nobody = "mallory"
    script = room.live(said, lambda q: said(q, name=nobody), proved, slug="house/sparks", environment="guarded")
    assert "one-time code" in script.asked[1].refused
    assert "not on the roster" in script.asked[2].refused
    assert room.count("turned the current off") == 1
