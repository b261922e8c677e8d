"""What is done at once: asked before any question, bounded by its mandate, done once, never taken back by us."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from deployments.commands.run import _plan as proposed
from flows.case.question import Answer, Question
from flows.gate.settle import NOT_LOOKED_AT
from flows.journal import kinds
from flows.run import settings
from tasks.environment import Environment
from tasks.model import Threshold
from tests.deployments.processes import wait_until
from tests.flows.lives import Blow, Life, Point
from tests.flows.matrix import Story, World, strike
from tests.flows.room import Room, said

SPARKS = "house/sparks"
STEP = "step/cut-the-current"
STORY = Story(verdict="fixed", done=("turned the current off",), runbook=SPARKS)


def pulled(room: Room, question: Question) -> Answer:
    """Somebody did it by hand."""
    room.set(current="off")
    return said(question)


def test_it_asks_before_any_question_is_and_verifies_afterwards(room: Room) -> None:
    def approved_unseen(question: Question) -> Answer:
        assert room.count("asked for the current") == 0
        return said(question)

    script = room.live(approved_unseen, slug=SPARKS, reason="BAD: sparks in the attic.")
    assert script.asked[0].reason == (
        "BAD: sparks in the attic. Asked before anything was looked at. Turn one fuse off, and nothing else."
    )
    keys = [entry.key for entry in room.entries]
    assert keys.index(f"{STEP}/outcome") < keys.index("diagnosis/check_current_is_cut")
    assert not [key for key in keys if "/look/" in key]
    assert room.entry("diagnosis/check_current_is_cut")["verdict"] == "OK"
    assert room.entry("verify/ended")["findings"]["check_current_is_cut"]["verdict"] == "OK"
    assert room.verdict == "fixed"
    assert room.count("turned the current off") == 1


def test_it_is_done_while_a_question_does_not_answer(room: Room) -> None:
    room.set(hold="the meter")
    done: list[int] = []

    def meter() -> None:
        wait_until(lambda: bool(room.count("at the meter")), "the question is asked")
        done.append(room.count("turned the current off"))
        room.set(hold="")

    watching = threading.Thread(target=meter)
    watching.start()
    room.live(said, slug=SPARKS)
    watching.join(60)
    assert done == [1]


@pytest.mark.parametrize(
    ("lamp", "says"),
    [
        ({"fuses": ["main", "kitchen"]}, "Nobody has looked yet, and this would take 2 commands."),
        ({"risk": "MODERATE"}, "Nobody has looked yet, and this would take moderate risk."),
        ({"risk": "HIGH"}, "Nobody has looked yet, and this would take high risk, 2 approvals."),
    ],
)
def test_it_asks_for_nothing_beyond_its_mandate_and_tells_a_person_to_do_it(
    room: Room, lamp: dict[str, object], says: str
) -> None:
    room.set(**lamp)
    script = room.live(lambda q: pulled(room, q), slug=SPARKS)
    assert script.asked[0].title == "Mend it by hand"
    assert "Pull the plug: With dry hands." in script.asked[0].plan.does
    assert room.entry(f"{STEP}/closed")["says"].startswith(says)
    assert room.count("tried to turn the current") == 0
    assert room.verdict == "fixed"


def test_it_voids_an_approval_when_the_mandate_is_passed_by_the_time_it_acts(room: Room) -> None:
    def approved(question: Question) -> Answer:
        room.set(fuses=["main", "kitchen"])
        return said(question)

    room.live(approved, lambda q: pulled(room, q), slug=SPARKS)
    assert room.entry(f"{STEP}/closed")["fate"] == "failed"
    assert room.count("tried to turn the current") == 0


def test_it_says_that_nothing_was_looked_at_when_who_alerted_says_that_it_is_over(room: Room) -> None:
    def resolved(question: Question) -> None:
        told = kinds.AlertResolved(says="sentry: it is over")
        room.journal.note(question.incident, "alert:sentry", "alert-resolved/1", told)

    script = room.live(resolved, said, slug=SPARKS)
    assert script.asked[1].refused == NOT_LOOKED_AT
    assert room.count("turned the current off") == 1


def test_its_plan_has_the_limits_of_its_check(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    limits = Environment.limits

    def heard(self: Environment, check: str, fn: Callable[..., object]) -> dict[str, Threshold]:
        if fn.__qualname__ == "CutCurrent.plan":
            asked.append(check)
        return limits(self, check, fn)

    monkeypatch.setattr(Environment, "limits", heard)
    room.live(said, slug=SPARKS)
    assert set(asked) == {"check_current_is_cut"}


def test_plan_only_refuses_what_the_run_would_refuse(room: Room) -> None:
    config = settings.config()
    known = settings.catalog(config)
    place = settings.environment(config, known, "room")
    [step] = known.get(SPARKS).runbook.at_once
    assert "error" not in proposed(step, place, {}, settings.redactor(place), json=True)
    room.set(risk="HIGH")
    told = proposed(step, place, {}, settings.redactor(place), json=True)
    assert str(told["error"]).startswith("Nobody has looked yet, and this would take high risk, 2 approvals.")


@pytest.mark.parametrize("decision", ["reject", "skip"])
def test_it_does_nothing_when_declined_and_looks_all_the_same(room: Room, decision: str) -> None:
    room.live(lambda q: said(q, decision), slug=SPARKS)
    assert room.count("tried to turn the current") == 0
    assert room.entry("diagnosis/check_current_is_cut")["verdict"] == "BAD"
    assert room.verdict == "unchanged"


def test_it_does_nothing_when_nobody_answers_in_time(room: Room) -> None:
    room.live(lambda q: said(q, decided_at=q.expires_at + timedelta(seconds=1)), slug=SPARKS)
    assert room.entry(f"{STEP}/closed")["fate"] == "expired"
    assert room.count("tried to turn the current") == 0
    assert room.verdict == "unchanged"


def test_it_asks_nobody_for_what_is_so_already(room: Room) -> None:
    room.set(current="off")
    assert room.live(slug=SPARKS).asked == []
    assert room.verdict == "recovered by itself"


def test_it_never_offers_to_take_back_what_did_not_help(room: Room) -> None:
    room.set(apply="does nothing")
    script = room.live(said, slug=SPARKS)
    assert [question.title for question in script.asked] == ["Cut the current"]
    assert room.verdict == "unchanged"


def test_it_waits_for_no_other_incidents_turn(room: Room) -> None:
    with room.journal.hold("another") as other, other.turns(["room/lamp"], 1) as has:
        assert has
        room.live(said, slug=SPARKS)
    assert room.verdict == "fixed"


def test_it_looks_whether_it_happened_when_its_process_died_between_intent_and_outcome(world: World) -> None:
    world.points(STORY)
    for side in ("before", "after"):
        incident = world.open(STORY)
        struck = Life(incident=incident, at=Point(side, "apply of CutCurrent"), blow=Blow.KILL)
        assert world.nursery.live(struck) == -signal.SIGKILL
        assert world.room.count("asked for the current") == 0
        world.schedule()
        assert world.nursery.live(Life(incident=incident)) == 0
        world.sound(STORY)


@pytest.mark.strict("Kills a process at each moment; the two that matter most are above.")
def test_it_is_done_once_wherever_its_process_is_killed(world: World) -> None:
    points = world.points(STORY)
    strike(world, STORY, points[: points.index(Point("after", "diagnosis/check_current_is_cut")) + 1], Blow.KILL)
