"""A set too large to list is approved by its description: nothing beyond it is done, and nothing new voids it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.case.question import Answer, Question
from tasks.bounded import Bounds
from tasks.model import Command
from tests.flows.room import Room, said

SLUG = "house/dust"
STEP = "step/sweep-the-dust-away"
THREE = [["a", 10, "fluff"], ["b", 20, "fluff"], ["c", 15, "sand"]]


def after(room: Room, specks: list[Any], **state: Any) -> Callable[[Question], Answer]:
    """Approve, when these have come to lie there meanwhile."""

    def answer(question: Question) -> Answer:
        room.set(specks=specks, **state)
        return said(question)

    return answer


def skipped(question: Question) -> Answer:
    return said(question, "skip")


def rejected(question: Question) -> Answer:
    return said(question, "reject")


def lines(room: Room, key: str) -> list[str]:
    return [command["line"] for command in room.entry(key)["plan"]["commands"]]


def test_it_does_what_was_described_and_asks_about_what_came(room: Room) -> None:
    room.set(specks=THREE)
    came = [["d", 30, "fluff"], ["e", 12, "hair"]]
    script = room.live(after(room, [*THREE, *came]), skipped, slug=SLUG)
    first, second = script.asked
    described = ["sweep fluff that fell until 20, at most 2", "sweep sand that fell until 15, at most 1"]
    assert [c.line for c in first.plan.commands] == described
    assert lines(room, f"{STEP}/intent/1") == described
    assert [room.count(f"swept {speck}") for speck in "abcde"] == [1, 1, 1, 0, 0]
    told = room.entry(f"{STEP}/ask/1/narrowed")["says"]
    assert told == (
        "Others came since this was planned, and nobody has approved them: they are asked about next. "
        "sweep fluff that fell until 30, at most 3; sweep hair that fell until 12, at most 1"
    )
    assert (second.title, second.reason) == ("Sweep the dust away, round 2", f"The others are done. {told}")
    assert [c.line for c in second.plan.commands] == [
        "sweep fluff that fell until 30, at most 1",
        "sweep hair that fell until 12, at most 1",
    ]


def test_it_is_not_asked_again_when_some_are_gone(room: Room) -> None:
    """The newest, too: what is there now is described in other words, and lies within what was approved."""
    room.set(specks=THREE)
    room.live(after(room, [["a", 10, "fluff"]]), slug=SLUG)
    assert lines(room, f"{STEP}/intent/1") == ["sweep fluff that fell until 20, at most 2"]
    assert room.entry(f"{STEP}/intent/1")["plan"]["does"] == "Sweep 1 specks away."
    assert (room.count("swept a"), "narrowed" in room.kinds()) == (1, False)


def test_it_asks_anew_when_all_of_them_are_gone_and_others_came(room: Room) -> None:
    room.set(specks=THREE)
    script = room.live(after(room, [["d", 30, "hair"]]), rejected, slug=SLUG)
    assert script.asked[1].refused.startswith("The approval is void, because more or other things would be done now")
    assert room.count("swept d") == 0


def test_it_never_does_more_than_was_approved_although_others_came_with_old_moments(room: Room) -> None:
    room.set(specks=THREE)
    late = [["d", 5, "fluff"], ["e", 6, "fluff"]]
    room.live(after(room, [*THREE, *late]), skipped, slug=SLUG)
    assert sum(room.count(f"swept {speck}") for speck in "abde") == 2


def test_it_goes_on_within_the_description_after_it_broke_off(room: Room) -> None:
    """What is left of it is done; what fell meanwhile is not."""
    room.set(specks=THREE)
    falling = [["d", 30, "fluff"]]
    room.live(after(room, THREE, **{"breaks off after": 1, "falling": falling}), slug=SLUG)
    assert lines(room, f"{STEP}/intent/2") == lines(room, f"{STEP}/intent/1")
    assert [room.count(f"swept {speck}") for speck in "abcd"] == [1, 1, 1, 0]


def test_an_old_approval_holds_although_others_came(room: Room) -> None:
    """Numbers move by themselves; the description is the same to the letter."""
    room.set(specks=THREE)
    room.live(after(room, [*THREE, ["d", 30, "fluff"]]), skipped, slug=SLUG, environment="slow")
    assert [room.count(f"swept {speck}") for speck in "abcd"] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (Bounds(of={"kind": "x"}, until=9, most=2), True),
        (Bounds(of={"kind": "x"}, until=10, most=3), True),
        (Bounds(of={"kind": "x"}, until=11, most=2), False),
        (Bounds(of={"kind": "x"}, until=9, most=4), False),
        (Bounds(of={"kind": "y"}, until=9, most=2), False),
        (Bounds(of={}, until=9, most=2), False),
    ],
)
def test_a_description_covers_no_more_than_it_says(other: Bounds, covered: bool) -> None:
    assert Bounds(of={"kind": "x"}, until=10, most=3).covers(other) is covered


def test_a_description_is_read_from_its_command_and_from_nothing_else() -> None:
    bounds = Bounds(of={"kind": "x"}, until=10, most=3)
    assert Bounds.of_command(Command(line="sweep", target=bounds.target)) == bounds
    with pytest.raises(ValueError, match="is no description"):
        Bounds.of_command(Command(line="sweep", target={"kind": "x", "until": "10", "most": 3}))
    with pytest.raises(ValueError, match="nothing is no command"):
        Bounds(of={}, until=1, most=0)
