"""Care in the small hours: what is done without asking, and above all what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.case.question import Answer, Question
from flows.journal import broken
from flows.maintenance import maintenance
from flows.told.report import report
from tests.flows.raw import Raw
from tests.flows.room import MAINTENANCE, Room, Script, said

# The room's time is UTC. In the future, because the gate's own clock is the real one.
SUNDAY = (datetime.now(UTC) + timedelta(days=7 - datetime.now(UTC).weekday() + 6)).replace(
    hour=3, minute=0, second=0, microsecond=0
)


@dataclass
class Clock:
    """What time it is for windows and deadlines."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def set(self, hour: int, minute: int = 0, second: int = 0) -> None:
        self.moment = SUNDAY.replace(hour=hour, minute=minute, second=second, microsecond=0)


@pytest.fixture
def clock(room: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Half past three on a Sunday: the window is open. A test that fails must not leave its run under way."""
    clock = Clock(SUNDAY.replace(minute=30))
    monkeypatch.setattr("flows.case.standing.now", clock)
    monkeypatch.setattr("tasks.deadline.now", clock)
    yield clock
    for left in room.journal.incidents(open_only=True, runbook=MAINTENANCE):
        with room.journal.hold(left.incident) as log:
            log.append("test", "closed", Raw("closed", {"verdict": "abandoned", "says": ""}))


@pytest.fixture
def scheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of this test are the schedule's."""
    from flows.life import execute

    run = execute._flow_run

    def begun_by_the_schedule() -> Any:
        return run().model_copy(update={"auto_scheduled": True})

    monkeypatch.setattr(execute, "_flow_run", begun_by_the_schedule)


def live(room: Room, *replies: Any, **parameters: Any) -> Script:
    """Care for a lamp that is lit and dusty, but for what `lamp` says."""
    room.set(**{"lit": True, "dusty": ["left", "right"], **parameters.pop("lamp", {})})
    return room.live(*replies, slug=MAINTENANCE, **parameters)


def skipped(question: Question) -> Answer:
    return said(question, "skip", name="zoe")


def configured(text: str, after: str = '[environments.room]\nkind = "lab"') -> None:
    config = Path(os.environ["INCIDENT_CONFIG"])
    config.write_text(config.read_text().replace(after, f"{after}\n{text}", 1))


def test_it_does_what_is_due_without_asking_and_says_which_rule_allowed_it(room: Room, clock: Clock) -> None:
    script = live(room)
    assert script.asked == []
    assert room.verdict == "done"
    assert (room.count("dusted left"), room.count("dusted right")) == (1, 1)
    approved = next(e for e in room.entries if e.kind == "standing")
    assert (approved.actor, approved.key) == ("schedule", "step/dust-the-shades/ask/1/answered")
    assert approved.body["note"] == (
        f"house/lamp-care (version {room.entry('opened')['version']}) declares: up to low risk without asking, Sunday, "
        f"03:00–05:00 (UTC); this window ends {SUNDAY:%Y-%m-%d} 05:00 UTC."
    )
    assert approved.body["digest"] == room.entry("step/dust-the-shades/ask/1/asked")["digest"]
    assert "asked" not in room.kinds()
    assert broken(room.entries) is None
    assert "| Dust the shades | approve | schedule |" in report(room.entries)


@pytest.mark.parametrize("moment", [(2, 59, 59), (5, 0, 0), (12, 0, 0)])
def test_it_asks_about_everything_when_begun_by_hand_outside_the_window(
    room: Room, clock: Clock, moment: tuple[int, int, int]
) -> None:
    clock.set(*moment)
    script = live(room, skipped)
    assert [q.title for q in script.asked] == ["Dust the shades"]
    assert room.count("dusted left") == 0
    assert "standing" not in room.kinds()


def test_it_asks_on_when_the_window_opens_while_it_waits(room: Room, clock: Clock) -> None:
    """Begun outside, it has no window, whatever the clock says later."""

    def later(question: Question) -> Answer:
        clock.set(3, 30)
        return skipped(question)

    clock.set(2, 59)
    script = live(room, later, skipped, lamp={"lit": False})
    assert [q.title for q in script.asked] == ["Dust the shades", "Switch the lamp on"]


@pytest.mark.parametrize("moment", [(1, 0), (5, 0), (12, 0)])
def test_it_does_nothing_when_the_schedule_comes_outside_the_window(
    room: Room, clock: Clock, scheduled: None, moment: tuple[int, int]
) -> None:
    clock.set(*moment)
    live(room)
    assert room.verdict == "missed its window"
    assert room.count("dusted left") == room.count("asked") == 0
    assert "finding" not in room.kinds()


def test_it_waits_when_the_schedule_is_early(
    room: Room, clock: Clock, scheduled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        clock.moment += timedelta(seconds=seconds)

    clock.set(2, 30)
    monkeypatch.setattr("flows.maintenance.sleep", sleep)
    live(room)
    assert clock.moment == SUNDAY.replace(microsecond=0)
    assert room.verdict == "done"


@pytest.mark.parametrize("risk", ["MODERATE", "HIGH"])
def test_it_asks_about_a_risk_beyond_its_declaration(room: Room, clock: Clock, risk: str) -> None:
    script = live(room, skipped, lamp={"dust_risk": risk})
    assert [q.title for q in script.asked] == ["Dust the shades"]
    assert room.count("dusted left") == 0


def test_it_covers_no_high_risk_and_nothing_after_the_window(room: Room, clock: Clock) -> None:
    from flows.case.standing import Standing
    from runbooks.window import Opening
    from tasks.model import BlastRadius, Plan, Risk

    opening = Opening(begins=SUNDAY, ends=SUNDAY + timedelta(hours=2))
    forged = Standing(opening=opening, most=Risk.HIGH, says="mine")
    radius = BlastRadius(touched=1, total=1, noun="parts")
    plans = {r: Plan(does="x", commands=(), blast_radius=radius, risk=r, loses="") for r in Risk}
    assert {r: forged.rule(plan) for r, plan in plans.items()} == {
        Risk.LOW: "mine",
        Risk.MODERATE: "mine",
        Risk.HIGH: "",
    }
    clock.set(5, 0)
    assert {forged.rule(plan) for plan in plans.values()} == {""}


def test_it_asks_a_person_when_the_plan_moves_under_its_approval(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the plan and the act a third shade grew dusty."""
    from flows.step import resolve

    look = resolve._look

    def dust_falls(*arguments: Any) -> Any:
        if "middle" not in room.state()["dusty"]:
            room.set(dusty=[*room.state()["dusty"], "middle"])
        return look(*arguments)

    monkeypatch.setattr(resolve, "_look", dust_falls)
    script = live(room, skipped)
    assert script.asked[0].refused.startswith("The approval is void, because more or other things would be done now")
    assert room.count("dusted left") == 0


def test_it_leaves_what_came_for_the_next_window_where_its_action_may_do_less(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.step import resolve

    look = resolve._look

    def dust_falls(*arguments: Any) -> Any:
        room.set(dusty=[*room.state()["dusty"], "middle"])
        return look(*arguments)

    monkeypatch.setattr(resolve, "_look", dust_falls)
    monkeypatch.setattr("lamp.care.DustShades.narrows", True)
    script = live(room)
    assert script.asked == []
    assert [room.count(f"dusted {shade}") for shade in ("left", "right", "middle")] == [1, 1, 0]
    [told] = [entry.body["says"] for entry in room.entries if entry.kind == "narrowed"]
    assert told == (
        "1 came since this was planned, and nobody has approved them: they wait for the next window. lamp dust middle"
    )


def test_it_asks_a_person_when_the_risk_rises_under_its_approval(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.step import resolve

    look = resolve._look

    def it_gets_dangerous(*arguments: Any) -> Any:
        room.set(dust_risk="HIGH")
        return look(*arguments)

    monkeypatch.setattr(resolve, "_look", it_gets_dangerous)
    script = live(room, skipped)
    assert script.asked[0].refused == (
        "The approval is void, because the same now carries high risk; low risk was approved."
    )
    assert room.count("dusted left") == 0


@pytest.mark.parametrize("setting", ['unattended_risk = "none"', "people = { low = 2 }"])
def test_it_asks_where_the_environment_is_stricter(room: Room, clock: Clock, setting: str) -> None:
    configured(setting)
    script = live(room, skipped)
    assert [q.title for q in script.asked] == ["Dust the shades"]


def test_it_is_not_widened_by_a_looser_environment(room: Room, clock: Clock) -> None:
    configured('unattended_risk = "moderate"')
    script = live(room, skipped, lamp={"dust_risk": "MODERATE"})
    assert [q.title for q in script.asked] == ["Dust the shades"]


@pytest.mark.parametrize("more", [{"unattended": "HIGH"}, {"parameters": {"unattended": "HIGH"}}, {"window": "always"}])
def test_it_takes_no_parameter_that_could_widen_it(room: Room, more: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"unexpected|parameters"):
        maintenance(MAINTENANCE, "room", **more)


def test_it_begins_nothing_after_the_windows_end_whoever_approves(room: Room, clock: Clock) -> None:
    def approved_too_late(question: Question) -> Answer:
        clock.set(5, 0)
        return said(question)

    script = live(room, approved_too_late, lamp={"dusty": [], "lit": False})
    assert [q.title for q in script.asked] == ["Switch the lamp on"]
    assert room.count("tried") == 0
    assert room.entry("step/switch-the-lamp-on/closed")["fate"] == "cut short"
    assert room.verdict == "cut short"


def test_it_asks_no_longer_than_the_window_lasts(room: Room, clock: Clock) -> None:
    """The room would wait a minute for an answer; the window is over in ten seconds of the gate's own clock."""
    from flows import maintenance as flow
    from runbooks.window import Opening

    now = datetime.now(UTC)
    ends = now + timedelta(seconds=10)
    clock.moment = now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "_open_now", lambda *_: Opening(begins=now, ends=ends))
        script = live(room, skipped, lamp={"dusty": [], "lit": False})
    assert script.asked[0].expires_at == ends


def test_it_stops_between_two_targets_at_the_windows_end(
    room: Room, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.step import act
    from tasks.how_far import told_to

    def time_passes(*arguments: Any) -> Any:
        monkeypatch.setattr("tasks.deadline.now", _after(2, clock))
        return told_to(*arguments)

    monkeypatch.setattr(act, "told_to", time_passes)
    live(room)
    assert (room.count("dusted left"), room.count("dusted right")) == (1, 0)
    closed = room.entry("step/dust-the-shades/closed")
    assert (closed["fate"], closed["says"]) == ("cut short", "1 of 2 shades were dusted in time.")
    assert room.verdict == "cut short"


def _after(looks: int, clock: Clock) -> Any:
    """A clock that is past the window's end at its so-many-th look."""
    seen = iter(range(1, 1000))

    def now() -> datetime:
        if next(seen) >= looks:
            clock.set(5, 0)
        return clock.moment

    return now


def test_it_begins_nothing_when_it_is_not_ready(room: Room, clock: Clock) -> None:
    live(room, lamp={"trouble": "crashes"})
    assert room.verdict == "not ready"
    assert room.count("dusted left") == 0


def test_it_goes_on_with_the_other_steps_when_nobody_answers_one(room: Room, clock: Clock) -> None:
    def expired(question: Question) -> Answer:
        return said(question, decided_at=question.expires_at + timedelta(seconds=1))

    script = live(room, expired, skipped, lamp={"lit": False, "heat": 95})
    assert [q.title for q in script.asked] == ["Switch the lamp on", "Replace the wiring"]
    assert room.verdict == "done"


def test_it_says_that_nothing_was_due(room: Room, clock: Clock) -> None:
    live(room, lamp={"dusty": []})
    assert room.verdict == "nothing to do"


def test_the_later_of_two_steps_back(room: Room, clock: Clock) -> None:
    opened = {"runbook": MAINTENANCE, "environment": "room", "severity": "", "title": "A", "reason": "", "kind": "x"}
    other = f"other-{datetime.now(UTC).timestamp()}"
    with room.journal.hold(other) as log:
        log.append("ana", "opened", Raw("opened", opened))
        live(room)
        log.append("ana", "closed", Raw("closed", {"verdict": "done", "says": ""}))
    assert room.verdict == "already under way"
    assert room.count("dusted left") == 0
