"""Wherever the process that executes an incident is killed, another one ends it, and does nothing twice."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from flows.case.question import open_question
from tests.flows.lives import Blow, Life, Point
from tests.flows.matrix import TWO_STEPS, Story, World, one_side, strike
from tests.flows.room import MAINTENANCE, PLAYBOOK

pytestmark = pytest.mark.strict("Kills a process at each of forty moments; test_survival at the two that matter most.")

# The spare fuse is no better: that step did not help, and is taken back.
TAKEN_BACK = Story(
    verdict="unchanged",
    done=("replaced the fuse", "switched on", "took the fuse out"),
    lamp={"fuse": "blown", "spare": "weak"},
)
NEW_BULB = Story(
    verdict="done",
    done=("fitted left", "switched on"),
    flow="playbook",
    runbook=PLAYBOOK,
    parameters={"parameters": {"bulb": "left"}},
)
LAMP_CARE = Story(
    verdict="done",
    done=("dusted left", "dusted right", "switched on"),
    lamp={"dusty": ["left", "right"]},
    flow="maintenance",
    runbook=MAINTENANCE,
)


def test_it_does_each_step_once_wherever_its_process_is_killed(world: World) -> None:
    points = world.points(TWO_STEPS)
    assert len(points) > 40
    strike(world, TWO_STEPS, points, Blow.KILL)


def test_it_takes_back_once_wherever_its_process_is_killed(world: World) -> None:
    points = world.points(TAKEN_BACK)
    strike(world, TAKEN_BACK, one_side(points[points.index(Point("after", "verify/ended")) :]), Blow.KILL)


def test_it_does_nothing_when_it_wakes_after_another_has_taken_over(world: World) -> None:
    """Frozen right after the intent; its session is ended, as the server does with a machine that is gone."""
    world.points(TWO_STEPS)
    incident = world.open(TWO_STEPS)
    intent = Point("after", "step/switch-the-lamp-on/intent/1")
    assert world.nursery.live(Life(incident=incident, at=intent, blow=Blow.FREEZE)) == -signal.SIGSTOP
    world.end_sessions()
    world.schedule()
    assert world.nursery.live(Life(incident=incident)) == 0
    world.sound(TWO_STEPS)
    recorded = world.room.entries
    world.nursery.wake()
    world.sound(TWO_STEPS)
    assert world.room.entries == recorded


def test_it_asks_a_person_where_it_cannot_tell_whether_it_happened(world: World) -> None:
    incident = world.open(replace(TWO_STEPS, lamp={"fuse": "blown", "applied": "cannot tell"}))
    done = Point("after", "apply of SwitchOn")
    assert world.nursery.live(Life(incident=incident, at=done, blow=Blow.KILL)) == -signal.SIGKILL
    world.schedule()
    again = Point("before", "step/switch-the-lamp-on/unsure/1/ask/1/answered")
    assert world.nursery.live(Life(incident=incident, at=again, blow=Blow.KILL)) == -signal.SIGKILL
    assert world.room.count("switched on") == 1
    question = open_question(world.room.entries)
    assert question is not None
    assert question.reason.startswith("It was begun, and it cannot be told whether it happened.")


def test_it_works_through_a_playbook_once_wherever_its_process_is_killed(world: World) -> None:
    points = one_side(world.points(NEW_BULB))
    until = points.index(Point("after", "step/fit-the-bulb/closed"))
    # Its last step is the lamp's, as above.
    strike(world, NEW_BULB, points[: until + 1], Blow.KILL)


def test_it_keeps_to_the_window_it_began_in_when_its_process_is_killed(world: World) -> None:
    window = [point for point in world.points(LAMP_CARE) if point.what == "window"]
    strike(world, LAMP_CARE, window, Blow.KILL)
