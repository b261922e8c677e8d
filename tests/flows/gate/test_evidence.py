"""Does an approval hold only as long as what it rests on still looks as it was shown?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flows.case.question import Answer, Question
from flows.gate import evidence
from flows.told.show import story
from tasks.model import BlastRadius, Command, Plan, Risk
from tests.flows.room import Room, said

STEP = "step/switch-the-lamp-on"


def approving(room: Room, **meanwhile: Any) -> Callable[[Question], Answer]:
    def answer(question: Question) -> Answer:
        room.set(**meanwhile)
        return said(question)

    return answer


def test_it_does_what_was_approved_late_where_everything_looks_the_same(room: Room) -> None:
    room.live(said, environment="slow")
    assert (room.verdict, room.count("switched on")) == ("fixed", 1)


@pytest.mark.parametrize("meanwhile", [{"label": " Smoke."}, {"bulbs": ["a"]}])
def test_it_asks_again_with_what_is_seen_now_where_it_looks_different(room: Room, meanwhile: dict[str, Any]) -> None:
    """Neither is more than was approved: within a quarter of an hour both would be done."""
    room.set(bulbs=["a", "b"])
    script = room.live(approving(room, **meanwhile), lambda q: said(q, "reject"), environment="slow")
    assert room.count("tried") == 0
    again = script.asked[1]
    assert again.refused.startswith("The approval is void, because what it rests on was seen ")
    assert again.reason == f"The lamp is off.{meanwhile.get('label', '')}"
    assert list(again.plan.evidence) == [{"label": meanwhile.get("label", "")}]
    assert again.digest != script.asked[0].digest


def test_it_does_it_in_time_although_the_evidence_has_moved(room: Room) -> None:
    room.set(bulbs=["a", "b"])
    room.live(approving(room, bulbs=["a"], label=" Smoke."))
    assert room.count("switched on") == 1


def test_it_tells_everybody_who_is_asked_when_it_was_seen(room: Room) -> None:
    """What the second person reads was seen when the first was asked."""
    first, second = room.live(said, lambda q: said(q, "reject", name="zoe"), environment="careful").asked
    [asked, _] = [entry for entry in room.entries if entry.kind == "asked"]
    assert first.seen_at == second.seen_at is not None
    assert f"seen {asked.at[11:19]} UTC · answer until" in story(second)


PLAN = Plan(
    does="End one session.",
    commands=(Command(line="SELECT 1", target={"pid": 1}), Command(line="SELECT 2", target={"pid": 2})),
    blast_radius=BlastRadius(touched=2, total=41, noun="sessions"),
    risk=Risk.LOW,
    loses="Its transaction.",
    evidence=[{"user": "web", "waits_s": 41, "since": "2026-11-21T02:00:00+00:00", "idle": True, "behind": [1, 2]}],
)
ROW: dict[str, Any] = dict(PLAN.evidence[0])


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"does": "End it after 3000 s."}, True),
        ({"evidence": [{**ROW, "waits_s": 3041.5, "since": "2026-11-21 02:50:00.123Z", "behind": [7, 9]}]}, True),
        ({"blast_radius": BlastRadius(touched=2, total=39, noun="sessions")}, True),
        ({"evidence": [{**ROW, "user": "payroll"}]}, False),
        ({"evidence": [{**ROW, "idle": False}]}, False),
        ({"evidence": [{**ROW, "behind": [1, 2, 3]}]}, False),
        ({"evidence": [ROW, ROW]}, False),
        ({"evidence": []}, False),
        ({"commands": PLAN.commands[:1]}, False),
        ({"risk": Risk.HIGH}, False),
        ({"loses": "Everything."}, False),
    ],
)
def test_it_tells_what_moves_by_itself_from_what_does_not(changed: dict[str, Any], same: bool) -> None:
    assert evidence._same(PLAN, replace(PLAN, **changed)) is same
