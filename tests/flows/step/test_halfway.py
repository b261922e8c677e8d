"""When taking back fails too: are people told distinctly, and does the record say what is left for them to do?"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from prefect.states import AwaitingRetry
from pydantic import SecretStr

from flows.case.case import Ending
from flows.case.question import Answer, Question, open_question
from flows.gate.proof import sign
from flows.journal.summary import IncidentSummary
from flows.life.execute import GOOD
from flows.people.escalate import due
from flows.run.clock import now
from flows.told.report import report
from tasks.environment import Environment
from tasks.roster import Role
from tests.flows.gate.test_gate import Gate, approve, gate
from tests.flows.room import PLAYBOOK, Room, said

__all__ = ["gate"]

UNDO = "step/take-back-switch-the-lamp-on"
KEY = SecretStr(pyotp.random_hex(40))
PRODUCTION = """
[environments.site]
kind = "production"

[environments.site.approvers]
ana = {{ roles = ["on-call"], key = "{key}" }}

[environments.site.systems.lamp]
file = "{lamp}"
"""


def burning(room: Room) -> Any:
    """Approves, and then the lamp gets too hot: there is something to take back."""

    def answer(question: Question) -> Answer:
        room.set(heat=120)
        return said(question)

    return answer


def too_late(question: Question) -> Answer:
    return said(question, decided_at=question.expires_at + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"switch": "half"}, "One of two wires is loose."),
        ({"switch": "breaks off"}, "It was tried 2 times and did not happen. Do it by hand, or look why."),
    ],
)
def test_it_leaves_no_doubt_that_the_undo_failed(room: Room, trouble: dict[str, str], says: str) -> None:
    room.set(**trouble)
    room.live(burning(room), said)
    assert (room.verdict, room.entry(f"{UNDO}/closed")["says"]) == ("left halfway", says)
    assert room.entry("closed")["says"] == (
        "Left halfway. Switch the lamp on: applied. "
        f"“Take back: Switch the lamp on” failed: {says} By hand: lamp off a. "
        "Seen since: BAD The lamp has 120 °C (bad from 90 °C). The post-mortem has all of it."
    )
    assert room.entry("halfway/severity")["severity"] == "P1"
    [summary] = [s for s in room.journal.incidents(limit=1) if s.incident == room.incident]
    assert (summary.severity, summary.verdict in GOOD) == ("P1", False)


def test_it_describes_the_state_it_left(room: Room) -> None:
    room.set(switch="half", bulbs=["a", "b"])
    room.live(burning(room), said)
    text = report(room.entries)
    section = text[text.index("## As it was left") : text.index("## Impact and cause")]
    for words in (
        "- **Switch the lamp on**: The lamp was switched on.",
        "**Take back: Switch the lamp on** failed: One of two wires is loose. By hand:",
        "lamp off a\nlamp off b",
        "check_lamp_heat",
        "The lamp has 120 °C",
        "The lamp answers.",
    ):
        assert words in section
    declared = ["check_lamp_is_lit", "check_lamp_heat", "check_lamp_answers"]
    assert [look["check"] for look in room.entry("halfway")["looks"]] == declared


def test_it_asks_when_it_cannot_tell_and_counts_silence_as_left_halfway(room: Room) -> None:
    room.set(switch="breaks off", applied="cannot tell")
    script = room.live(burning(room), said, too_late)
    assert script.asked[2].reason.startswith("It was begun, and it cannot be told whether it happened.")
    assert (room.entry(f"{UNDO}/closed")["fate"], room.verdict) == ("expired", "left halfway")
    assert room.count("tried to switch off") == 1


def test_it_is_a_decision_not_a_failure_when_people_leave_it_so(room: Room) -> None:
    room.live(burning(room), lambda q: said(q, "reject"))
    assert (room.verdict, room.count("tried to switch off")) == ("worse", 0)
    assert "severity" not in room.kinds()


def test_it_is_no_failure_when_the_undo_works(room: Room) -> None:
    room.live(burning(room), said)
    assert (room.verdict, room.count("switched off")) == ("worse", 1)


def test_it_ends_although_the_undo_kills_its_process_each_time(gate: Gate) -> None:
    room = gate.room
    room.set(switch="explodes")
    approve(gate.open())
    room.set(heat=120)
    gate.execute()
    question = open_question(room.entries)
    assert question is not None
    assert question.title == "Take back: Switch the lamp on"
    approve(question)
    for _ in range(3):
        gate.execute()
        gate.force(AwaitingRetry())
    assert (room.verdict, room.count("tried to switch off")) == ("left halfway", 2)


def test_it_is_left_halfway_when_nobody_answers_about_half_done_work(room: Room) -> None:
    room.set(fit="half")
    room.live(said, said, too_late, slug=PLAYBOOK, parameters={"bulb": "b"})
    assert room.entry("step/fit-the-bulb/closed")["fate"] == "failed"
    assert room.verdict == "left halfway"
    # Planned work has no severity until then.
    assert room.entry("halfway/severity")["severity"] == "P1"


def test_it_is_for_now_in_production(room: Room) -> None:
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(PRODUCTION.format(key=KEY.get_secret_value(), lamp=room.lamp))
    room.set(switch="half")

    def ana(question: Question) -> Answer:
        room.set(heat=120)
        at = now()
        proof = sign(KEY, question, "approve", "ana", "because", at)
        return said(question, proof=proof, decided_at=at)

    room.live(ana, ana, environment="site")
    assert (room.verdict, room.entry("halfway/severity")["severity"]) == ("left halfway", "P0")


@pytest.mark.parametrize(("ending", "told"), [(Ending.HALFWAY, set(Role)), (Ending.WORSE, {Role.ON_CALL})])
def test_it_tells_the_whole_ladder_at_once(ending: Ending, told: set[Role]) -> None:
    summary = IncidentSummary(
        incident="inc-1",
        opened_at=now().isoformat(),
        runbook="database/x",
        environment="site",
        severity="P0",
        reason="",
        closed_at=now().isoformat(),
        verdict=ending.value,
        says="By hand: lamp off a.",
    )
    messages = list(due(summary, [], Environment.model_validate({"name": "site", "kind": "production"})))
    assert {message.role for message in messages} == told
    assert messages[0].title == f"P0 site: database/x {ending}"
    assert "By hand: lamp off a." in messages[0].text
