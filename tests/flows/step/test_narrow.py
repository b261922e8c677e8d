"""A set that moves while people look: what was approved is done, what came is asked about in a round of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from flows.case.question import Answer, Question
from flows.run import settings
from tests.flows.room import Room, said

STEP = "step/switch-the-lamp-on"
ADDRESS = "ana.pop@example.com"


@pytest.fixture(autouse=True)
def narrows(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamp.actions.SwitchOn.narrows", True)


def meanwhile(room: Room, **state: Any) -> Callable[[Question], Answer]:
    def answer(question: Question) -> Answer:
        room.set(**state)
        return said(question)

    return answer


def lines(room: Room, key: str) -> list[str]:
    return [command["line"] for command in room.entry(key)["plan"]["commands"]]


def skipped(question: Question) -> Answer:
    return said(question, "skip")


def test_it_does_what_was_approved_and_asks_about_what_came(room: Room) -> None:
    """The lamp stays dark, so that there is something left to ask about."""
    room.set(apply="does nothing", bulbs=["a", "b", "c"])
    script = room.live(meanwhile(room, bulbs=["b", "c", "d", "e"]), skipped, skipped)
    first, second, _undo = script.asked
    assert [c.line for c in first.plan.commands] == ["lamp on a", "lamp on b", "lamp on c"]
    intent = room.entry(f"{STEP}/intent/1")["plan"]
    assert lines(room, f"{STEP}/intent/1") == ["lamp on b", "lamp on c"]
    assert intent["does"] == "Switch on 3 bulbs. Of that, 2 of 3 are still there."
    assert intent["blast_radius"]["touched"] == 3
    told = room.entry(f"{STEP}/ask/1/narrowed")
    assert told["says"] == (
        "2 came since this was planned, and nobody has approved them: they are asked about next. lamp on d; lamp on e"
    )
    assert (second.title, second.refused) == ("Switch the lamp on, round 2", "")
    assert second.reason == f"The others are done. {told['says']}"
    assert room.entry(f"{STEP}/closed")["fate"] == "applied"
    assert room.entry(f"{STEP}-round-2/closed")["fate"] == "skipped"


def test_it_voids_the_approval_where_nothing_of_it_is_left(room: Room) -> None:
    room.set(bulbs=["a", "b"])
    script = room.live(meanwhile(room, bulbs=["c"]), lambda q: said(q, "reject"))
    assert script.asked[1].title == "Switch the lamp on"
    assert script.asked[1].refused.startswith("The approval is void, because more or other things would be done now")
    assert (room.count("tried"), "narrowed" in room.kinds()) == (0, False)


def test_it_voids_the_approval_where_its_action_may_not_do_less(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamp.actions.SwitchOn.narrows", False)
    script = room.live(meanwhile(room, bulbs=["a", "b"]), lambda q: said(q, "reject"))
    assert script.asked[1].refused.startswith("The approval is void, because more or other things would be done now")
    assert room.count("tried") == 0


def test_it_stops_the_runbook_when_what_came_is_rejected(room: Room) -> None:
    room.set(apply="does nothing", heat=95)
    room.live(meanwhile(room, bulbs=["a", "b"]), lambda q: said(q, "reject"), skipped)
    assert "step/replace-the-wiring/ask/1/asked" not in {entry.key for entry in room.entries}


def test_it_takes_back_the_rounds_together(room: Room) -> None:
    room.set(apply="does nothing", bulbs=["a"])
    script = room.live(meanwhile(room, bulbs=["a", "b"]), meanwhile(room, bulbs=["b"]), said)
    assert script.asked[2].title == "Take back: Switch the lamp on"
    assert lines(room, f"{STEP}-round-2/intent/1") == ["lamp on b"]
    assert [room.count(f"switched off {bulb}") for bulb in "ab"] == [1, 1]


def test_it_goes_on_with_what_came_after_a_crash_between_the_rounds(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded decides, not what this process remembers."""
    from flows.step import narrow, resolve

    told: list[str] = []

    def twice(case: Any, change: Any) -> Any:
        found = narrow.next_round(case, change)
        if found is not None and not told:
            told.append(found.name)
            resolve.resolve(case, change)
        return found

    monkeypatch.setattr(resolve, "next_round", twice)
    room.set(apply="does nothing")
    script = room.live(meanwhile(room, bulbs=["a", "b"]), skipped, skipped)
    assert [q.title for q in script.asked][:2] == ["Switch the lamp on", "Switch the lamp on, round 2"]
    assert room.count("tried") == 1


def test_it_narrows_what_the_record_masks(room: Room) -> None:
    room.set(apply="does nothing", bulbs=[ADDRESS])
    room.live(meanwhile(room, bulbs=[ADDRESS, "zoe@example.com"]), skipped, said, environment="discreet")
    assert lines(room, f"{STEP}/intent/1") == [room.entry(f"{STEP}/ask/1/asked")["plan"]["commands"][0]["line"]]
    assert room.count(f"switched off {ADDRESS}") == 1
    assert room.count("switched off zoe@example.com") == 0
    assert ADDRESS not in "".join(str(entry.body) for entry in room.entries)


def test_it_takes_nobody_for_another_who_is_masked_alike(room: Room) -> None:
    """Four digits tell addresses apart, most of the time."""
    redact = settings.redactor(settings.config().environment("discreet"))
    masked: dict[str, str] = {}
    for number in itertools.count():
        address = f"ana{number}@example.com"
        twin = masked.setdefault(redact.text(address), address)
        if twin != address:
            break
    room.set(bulbs=[twin])
    script = room.live(meanwhile(room, bulbs=[twin, address]), lambda q: said(q, "reject"), environment="discreet")
    assert script.asked[1].refused.startswith("The approval is void, because more or other things would be done now")
    assert room.count("tried") == 0


@pytest.mark.parametrize(("label", "asked"), [("", 1), (" Smoke.", 0)])
def test_an_old_approval_holds_for_what_still_looks_the_same(room: Room, label: str, asked: int) -> None:
    room.set(apply="does nothing", bulbs=["a"])
    replies = [meanwhile(room, bulbs=["a", "b"], label=label), skipped, *([skipped] if asked else [])]
    room.live(*replies, environment="slow")
    assert room.count("tried") == asked
