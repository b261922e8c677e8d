from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runbooks.clock import Clock, Stage
from runbooks.model import (
    Drill,
    InvalidRunbook,
    Manual,
    Runbook,
    Severity,
    Step,
    Symptom,
    Verify,
    Watch,
    title_key,
)
from tasks.action import Action
from tasks.check import check
from tasks.fault import Fault
from tasks.mandate import Mandate
from tasks.model import Finding, NoWayBack, Threshold, Verdict

LIMIT = Threshold(warn=1, bad=2, because="Measured.")


@check
def check_door(open_for: Threshold = LIMIT) -> Finding:
    """Is the door shut?"""
    return Finding(verdict=Verdict.OK, says="It is shut.")


@check
def check_window() -> Finding:
    """Is the window shut?"""
    return Finding(verdict=Verdict.OK, says="It is shut.")


class ShutDoor(Action):
    """Shut the door."""

    undo = NoWayBack(loses="The draught.")

    def plan(self) -> Any: ...
    def apply(self, plan: Any) -> Any: ...
    def applied(self, plan: Any) -> Any: ...


class ShutWindow(ShutDoor):
    """Shut the window."""


class WedgeDoor(Fault):
    """Wedge the door open."""

    def cause(self) -> Any: ...
    def cure(self, trouble: Any) -> None: ...


def declared(**changes: Any) -> Runbook:
    """A sound runbook, but for the changes."""
    sound: dict[str, Any] = {
        "title": "The door is open",
        "problem": "It draws.",
        "severity": Severity.P2,
        "keywords": ("door",),
        "symptoms": (Symptom(heard="It is cold."),),
        "diagnosis": (check_door,),
        "resolution": (Step(ShutDoor(), when=check_door), Manual("Oil the hinge", when=check_door, how="Slowly.")),
        "verification": Verify(hold=timedelta(seconds=1), within=timedelta(minutes=1)),
        "prevention": (Watch(check_door, every=timedelta(minutes=5)),),
        "drills": (Drill(fault=WedgeDoor(), noticed_by=check_door, resolved_by=ShutDoor),),
    }
    return Runbook(**{**sound, **changes})


def test_it_takes_a_sound_runbook() -> None:
    runbook = declared()
    assert [step.title for step in runbook.action_steps] == ["Shut the door"]
    assert runbook.thresholds == {"check_door": {"open_for": LIMIT}}


@pytest.mark.parametrize("part", ["problem", "keywords", "symptoms", "diagnosis", "resolution", "prevention"])
def test_it_refuses_an_empty_part(part: str) -> None:
    empty = "" if part == "problem" else ()
    with pytest.raises(InvalidRunbook) as refused:
        declared(**{part: empty})
    assert str(refused.value) == f"The door is open: `{part}` is empty. A person at 2 am needs it."


def test_it_refuses_an_empty_title() -> None:
    with pytest.raises(InvalidRunbook) as refused:
        declared(title="")
    assert str(refused.value) == "untitled: `title` is empty. A person at 2 am needs it."


def step(title: str, when: Any = check_door) -> Manual:
    return Manual(title, when=when, how="Slowly.")


HOUR = timedelta(hours=1)


def clock(*stages: Stage) -> Clock:
    return Clock(stages=stages, within=1.5 * HOUR, because="Owner: the house.")


WEDGE = Drill(fault=WedgeDoor(), noticed_by=check_door, resolved_by=ShutDoor)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"clock": clock(Stage(title="The window", takes=HOUR, steps=(ShutWindow,)))},
            "stage 'The window' waits for ShutWindow, which is no step here. Add the step.",
        ),
        (
            {
                "clock": clock(
                    Stage(title="The door", takes=HOUR, steps=(ShutDoor,)), Stage(title="Looking", takes=HOUR)
                )
            },
            "the stages take longer together than the 1:30:00 that all may take.",
        ),
        ({"diagnosis": (check_door, check_door)}, "`diagnosis` asks check_door twice. Remove one."),
        (
            {"resolution": (step("Oil it"), step("Oil it"))},
            "two steps are called 'Oil it'. A decision must be about one: rename the other.",
        ),
        (
            {"resolution": (step("Oil: it!"), step("oil it"))},
            "two steps are called 'Oil: it!'. A decision must be about one: rename the other.",
        ),
        (
            {"resolution": (step("…"),)},
            "step '…' has no letter a-z in its title, and the journal finds steps by it. Name it.",
        ),
        (
            {"resolution": (step("Oil it", when=check_window),)},
            "step 'Oil it' waits for check_window, which the diagnosis never asks. Ask it there.",
        ),
        (
            {"drills": (Drill(fault=WedgeDoor(), noticed_by=check_window, resolved_by=ShutDoor),)},
            "drill 'Wedge the door open' is noticed by check_window, which the diagnosis never asks. Ask it there.",
        ),
        (
            {"drills": (Drill(fault=WedgeDoor(), noticed_by=check_door, resolved_by=ShutWindow),)},
            "drill 'Wedge the door open' is resolved by ShutWindow, which is no step here. Add the step.",
        ),
        ({"drills": (WEDGE, WEDGE)}, "two drills use the same fault. Give each its own."),
        (
            {"prevention": (Watch(check_window, every=timedelta(minutes=5)),)},
            "the watch asks check_window, which the diagnosis never asks: its BAD answer would open a runbook that "
            "does not look for it. Add it to `diagnosis`.",
        ),
        (
            {"prevention": (Watch(check_door, every=timedelta(0)),)},
            "the watch on check_door runs every 0:00:00. Give it a time above zero.",
        ),
        (
            {"prevention": (Watch(check_door, every=timedelta(minutes=5), told_after=0),)},
            "the watch on check_door has told_after=0. Give it 1 or more.",
        ),
        (
            {"prevention": (Watch(check_door, every=timedelta(1)), Watch(check_door, every=timedelta(2)))},
            "check_door is watched twice. Remove one.",
        ),
        (
            {"resolution": (Manual("Oil it", when=check_door, how="Slowly.", quotes=(check_door, check_window)),)},
            "step 'Oil it' quotes check_window: ask it first.",
        ),
        ({"title": "Two\nlines"}, "`title` has several lines. Say it in one."),
        ({"keywords": ("door", " ")}, "`keywords` holds an empty word. Remove it."),
        ({"keywords": "door"}, "`keywords` is a str, not a tuple. A single one is written with a comma: (one,)."),
        ({"diagnosis": (check_door.fn,)}, "`diagnosis` holds check_door, which is no check. Put @check before it."),
    ],
)
def test_it_refuses_a_contradiction(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        declared(**changes)
    assert str(refused.value) == f"The door is open: {said}".replace("The door is open: `title`", "Two\nlines: `title`")


@pytest.mark.parametrize("both", [{}, {"alert": "DoorOpen", "heard": "It is cold."}])
def test_it_refuses_a_symptom_that_is_neither_or_both(both: dict[str, str]) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        Symptom(**both)
    assert str(refused.value) == ("A Symptom is either `alert` (its name) or `heard` (what a person says): give one.")


@pytest.mark.parametrize(("hold", "within"), [(60, 60), (61, 60), (-1, 60), (0, 0)])
def test_it_refuses_a_verification_that_could_not_pass(hold: int, within: int) -> None:
    with pytest.raises(InvalidRunbook) as refused:
        Verify(hold=timedelta(seconds=hold), within=timedelta(seconds=within))
    assert str(refused.value) == (
        f"Verify: hold ({timedelta(seconds=hold)}) must be shorter than within ({timedelta(seconds=within)})."
    )


def test_it_takes_a_verification_without_hold() -> None:
    assert Verify(hold=timedelta(0), within=timedelta(seconds=1))


def test_it_says_how_soon_somebody_must_look() -> None:
    assert [f"{s} {s.meaning}" for s in Severity] == [
        "P0 now",
        "P1 within an hour",
        "P2 within four hours",
        "P3 within a day",
    ]


def test_it_files_a_title_by_letters_and_digits() -> None:
    assert title_key("Give it a `lock_timeout`, 5 s!") == "give-it-a-lock-timeout-5-s"


class SoundAlarm(Action):
    """Sound the alarm."""

    mandate = Mandate(may="Ring one bell.")

    def plan(self) -> Any: ...
    def apply(self, plan: Any) -> Any: ...
    def applied(self, plan: Any) -> Any: ...

    def undo(self, plan: Any, outcome: Any) -> Action:
        """It can be silenced."""
        return self


def test_it_takes_a_step_at_once_that_is_bounded_and_comes_first() -> None:
    runbook = declared(
        resolution=(Step(SoundAlarm(), when=check_door, at_once=True), Step(ShutDoor(), when=check_door))
    )
    assert [step.title for step in runbook.at_once] == ["Sound the alarm"]


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ((Step(ShutDoor(), when=check_door, at_once=True),), "nothing bounds what it may do. Give it a `mandate`"),
        (
            (Step(ShutDoor(), when=check_door), Step(SoundAlarm(), when=check_door, at_once=True)),
            "stands behind what is not",
        ),
    ],
)
def test_it_refuses_a_step_at_once_that_is_unbounded_or_stands_behind_others(
    steps: tuple[Step, ...], complaint: str
) -> None:
    with pytest.raises(InvalidRunbook, match=complaint):
        declared(resolution=steps)
