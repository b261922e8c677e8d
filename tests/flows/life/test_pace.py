"""Each stage against its clock: when it is due, when it was done, and whether that was late."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from flows.case.case import Case, Ending
from flows.case.stages import due_stages, late_stages
from flows.journal import kinds
from flows.life import pace
from runbooks.clock import Clock, Stage
from runbooks.model import Runbook
from tests.flows.room import Room, said


def clocked(runbook: Runbook, minutes: float) -> Runbook:
    on, wiring = (type(step.action) for step in runbook.action_steps)
    stages = (
        Stage(title="The light", takes=timedelta(minutes=minutes), steps=(on,)),
        Stage(title="The wiring", takes=timedelta(minutes=5), steps=(wiring,)),
        Stage(title="Looking", takes=timedelta(minutes=10)),
    )
    return dataclasses.replace(
        runbook, clock=Clock(stages=stages, within=timedelta(minutes=30), because="Owner: whoever reads.")
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The dark room's runbook has a clock, whose first stage takes so many minutes."""

    def wind(minutes: float) -> None:
        for name in ("start_clock", "look_at_clock", "stop_clock"):
            real = getattr(pace, name)

            def with_clock(case: Case, runbook: Runbook, *more: Ending, real: Callable[..., None] = real) -> None:
                real(case, clocked(runbook, minutes), *more)

            monkeypatch.setattr(f"flows.incident.{name}", with_clock)

    return wind


def test_it_tells_when_each_stage_is_due_and_when_it_was_done(room: Room, clock: Callable[[float], None]) -> None:
    clock(5)
    room.live(said)
    [started] = [entry for entry in room.entries if entry.is_a(kinds.Clock)]
    began = datetime.fromisoformat(room.entries[0].at)
    # The wiring is not called for: its time is nobody's.
    assert [(stage, due - began) for stage, due in due_stages(started)] == [
        ("The light", timedelta(minutes=5)),
        ("Looking", timedelta(minutes=15)),
        ("All of it", timedelta(minutes=30)),
    ]
    done = [entry for entry in room.entries if entry.is_a(kinds.Stage)]
    assert [entry.body["stage"] for entry in done] == ["The light", "Looking", "All of it"]
    assert not any(entry.body["late"] for entry in done)
    assert done[0].body["says"] == "The light: done 0 min after it began, 5 min before it was due."
    keys = [entry.key for entry in room.entries]
    assert keys.index("step/switch-the-lamp-on/closed") < keys.index("clock/The light") < keys.index("verify/ended")


def test_it_says_what_was_late(room: Room, clock: Callable[[float], None]) -> None:
    clock(-3)
    room.live(said)
    [light] = [entry for entry in room.entries if entry.key == "clock/The light"]
    assert light.body["late"] is True
    assert light.body["says"] == "The light: done 0 min after it began, 3 min late."


def test_what_people_left_out_is_not_called_done(room: Room, clock: Callable[[float], None]) -> None:
    clock(5)
    room.live(lambda question: said(question, "skip"))
    assert room.verdict == "unchanged"
    [light] = [entry.body["says"] for entry in room.entries if entry.is_a(kinds.Stage)]
    assert light == "The light: over, and not all of it was done, 0 min after it began, 5 min before it was due."


def test_a_stage_that_is_not_done_is_late_from_its_moment_on(room: Room, clock: Callable[[float], None]) -> None:
    clock(5)
    room.live(said)
    began = datetime.fromisoformat(room.entries[0].at)
    light = next(n for n, entry in enumerate(room.entries) if entry.key == "clock/The light")
    waiting, done = room.entries[:light], room.entries[: light + 1]
    assert list(late_stages(waiting, began + timedelta(minutes=5) - timedelta(seconds=1))) == []
    [(stage, says, whole)] = late_stages(waiting, began + timedelta(minutes=5))
    assert (stage, whole) == ("The light", False)
    assert says.endswith("UTC, 5 minutes after it began, and is not done.")
    assert list(late_stages(done, began + timedelta(minutes=6))) == []
    assert [whole for _, _, whole in late_stages(done, began + timedelta(minutes=31))] == [False, True]
    assert list(late_stages(room.entries, began + timedelta(days=1))) == []


def test_without_a_clock_nothing_is_told(room: Room) -> None:
    room.live(said)
    assert not [entry for entry in room.entries if entry.is_a(kinds.Clock, kinds.Stage)]
