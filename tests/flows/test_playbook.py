"""Planned work from its prerequisites to its proof. What must not be done comes first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flows.case.question import Answer, Question
from flows.journal import broken
from flows.playbook import playbook
from flows.told.report import report
from flows.told.show import story
from runbooks.parameter import WrongParameters
from tests.flows.room import PLAYBOOK, Room, Script, said

BULB = {"bulb": "left"}


def rejected(question: Question) -> Answer:
    return said(question, "reject")


def skipped(question: Question) -> Answer:
    return said(question, "skip")


def live(room: Room, *replies: Any, **parameters: Any) -> Script:
    return room.live(*replies, slug=PLAYBOOK, parameters=BULB, **parameters)


def fates(room: Room) -> dict[str, Any]:
    return {str(e.body["title"]): e.body["fate"] for e in room.entries if e.kind == "step"}


@pytest.mark.parametrize(
    ("state", "words"), [({"heat": 95}, "The lamp has 95 °C (bad from 90 °C)."), ({"heat": "hot"}, "crashed")]
)
def test_it_begins_nothing_when_it_is_not_ready_or_cannot_see(room: Room, state: dict[str, Any], words: str) -> None:
    room.set(**state)
    live(room)
    assert room.verdict == "not ready"
    closed = room.entry("closed")["says"]
    assert closed.startswith("Nothing was begun. Mend this first: ")
    assert words in closed
    assert "asked" not in room.kinds()


def test_it_takes_its_steps_in_their_order_and_proves_that_it_worked(room: Room) -> None:
    script = live(room, said, said, said, reason="It flickers.")
    assert [q.title for q in script.asked] == ["Tell the room", "Fit the bulb", "Switch the lamp on"]
    assert script.asked[1].reason == "Step 2 of 3 of “Fit a new bulb” with bulb = left, colour = warm."
    assert [c.line for c in script.asked[1].plan.commands] == ["lamp fit left --colour warm"]
    assert fates(room) == {"Tell the room": "applied", "Fit the bulb": "applied", "Switch the lamp on": "applied"}
    assert room.verdict == "done"
    assert (room.count("fitted left"), room.count("switched on")) == (1, 1)
    assert broken(room.entries) is None
    shown = report(room.entries)
    for expected in ("# Fit a new bulb in room: done", "playbook `house/new-bulb`", "bulb = left, colour = warm"):
        assert expected in shown


def test_it_waits_until_a_step_by_hand_is_signed_off(room: Room) -> None:
    script = live(room, said, rejected)
    shown = story(script.asked[0])
    assert "**By hand:** Say that it will be dark for a while." in shown
    assert "approve when it is done" in shown
    assert "```" not in shown
    assert room.entry("step/tell-the-room/closed")["says"] == "Done by hand, says ana. because"


@pytest.mark.parametrize("end", ["reject", "expire"])
def test_it_stops_at_a_step_that_is_not_approved(room: Room, end: str) -> None:
    def no(question: Question) -> Answer:
        late = question.expires_at.replace(year=2100)
        return rejected(question) if end == "reject" else said(question, decided_at=late)

    live(room, said, no)
    assert room.verdict == "stopped"
    assert room.count("fitted left") == room.count("tried") == 0


def test_it_stops_when_nobody_signs_off(room: Room) -> None:
    live(room, rejected)
    assert room.verdict == "stopped"
    assert room.count("fitted left") == 0


def test_it_leaves_out_a_skipped_step_and_goes_on(room: Room) -> None:
    room.set(fitted="left")
    script = live(room, skipped, said)
    assert [q.title for q in script.asked] == ["Tell the room", "Switch the lamp on"]
    assert fates(room)["Fit the bulb"] == "moot"
    assert room.verdict == "done"


def test_it_says_that_there_was_nothing_to_do(room: Room) -> None:
    room.set(fitted="left", lit=True)
    live(room, skipped, skipped)
    assert room.verdict == "nothing to do"


def test_it_offers_to_take_back_what_was_done_when_it_stops_half_way(room: Room) -> None:
    script = live(room, said, said, rejected, said)
    assert [q.title for q in script.asked][-1] == "Take back: Fit the bulb"
    assert room.verdict == "taken back"
    assert room.state()["fitted"] is None
    assert "Taken back, Fit the bulb: applied." in room.entry("closed")["says"]


def test_it_offers_to_take_back_a_step_that_failed_in_the_middle(room: Room) -> None:
    room.set(fit="half")
    script = live(room, said, said, skipped)
    assert [q.title for q in script.asked][-1] == "Take back: Fit the bulb"
    assert (room.verdict, room.count("tried")) == ("stopped", 0)
    assert fates(room)["Fit the bulb"] == "failed"
    assert room.entry("closed")["says"].endswith(" Not taken back, Fit the bulb: skipped.")


def test_it_does_not_say_taken_back_where_nothing_was_done(room: Room) -> None:
    room.set(fit="too large")
    script = live(room, said, said)
    assert [q.title for q in script.asked] == ["Tell the room", "Fit the bulb"]
    assert (room.verdict, fates(room)["Take back: Fit the bulb"]) == ("stopped", "moot")
    assert room.entry("closed")["says"].endswith(" Of “Fit the bulb” nothing was there to take back.")


def test_it_offers_to_take_back_all_in_reverse_when_it_did_not_work(room: Room) -> None:
    room.set(apply="does nothing")
    script = live(room, said, said, said, said, said)
    assert [q.title for q in script.asked][3:] == ["Take back: Switch the lamp on", "Take back: Fit the bulb"]
    assert room.verdict == "taken back"


def test_it_keeps_the_earlier_steps_when_a_later_one_stays(room: Room) -> None:
    room.set(apply="does nothing")
    script = live(room, said, said, said, skipped)
    assert [q.title for q in script.asked][3:] == ["Take back: Switch the lamp on"]
    assert room.verdict == "unsuccessful"


def test_it_voids_an_approval_when_it_may_not_be_begun_any_more(room: Room) -> None:
    def too_late(question: Question) -> Answer:
        room.set(heat=95)
        return said(question)

    script = live(room, said, too_late, rejected)
    assert script.asked[2].refused == (
        "The approval is void, because it may not be begun any more: The lamp has 95 °C (bad from 90 °C)."
    )
    assert room.count("fitted left") == 0


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"bulb": "--all"}, "bulb: '--all' will not do"),
        ({"bulb": "left; rm -rf /"}, "will not do"),
        ({"bulb": "left", "colour": "blue"}, "Input should be 'warm' or 'cold'"),
        ({}, "bulb is missing: The bulb, as it is labelled."),
        ({"bulb": "left", "plan": "mine"}, "'plan' is no parameter here."),
        ({"bulb": "left", "lamp": "/etc/passwd"}, "'lamp' is no parameter here."),
    ],
)
def test_it_refuses_wrong_parameters_and_opens_nothing(room: Room, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongParameters, match=re.escape(words)):
        room.live(slug=PLAYBOOK, parameters=parameters)
    assert room.entries == ()


def test_it_refuses_a_parameter_that_is_a_secret(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "hunter2hunter2")
    with pytest.raises(WrongParameters, match="bulb looks like a secret"):
        room.live(slug=PLAYBOOK, parameters={"bulb": "hunter2hunter2"})
    assert room.entries == ()


def test_it_lives_through_playbooks_only(room: Room) -> None:
    state = playbook("house/dark-room", "room", return_state=True)
    assert "house/dark-room is a runbook, not a playbook." in str(state.message)
