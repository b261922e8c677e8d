"""What is left out is left out with its reason, and nothing else is."""

from __future__ import annotations

from typing import cast

import pytest

from tests.left_out import IN_CI, leave_out, runs


class Item:
    """As much of a collected test as is looked at."""

    def __init__(self, nodeid: str, *marks: pytest.MarkDecorator) -> None:
        self.nodeid, self.marks = nodeid, [mark.mark for mark in marks]

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.mark)


def left_out(*items: Item) -> list[str]:
    """The names of those that are skipped."""
    collected = cast(list[pytest.Item], list(items))
    leave_out(collected)
    return [item.nodeid for item in collected if not runs(item)]


def test_it_leaves_out_what_is_marked_and_says_why() -> None:
    marked = Item("a::long", pytest.mark.strict("Takes an hour."))
    assert left_out(Item("a::short"), marked, Item("a::short[1]")) == ["a::long"]
    skipped = marked.get_closest_marker("skip")
    assert skipped is not None
    assert skipped.kwargs == {"reason": f"Takes an hour.{IN_CI}"}


def test_it_keeps_the_first_sets_of_parameters_of_each_test() -> None:
    mark = pytest.mark.strict("The same once more.", keeps=2)
    items = [Item(f"a::{test}[{n}]", mark) for test in ("one", "other") for n in range(3)]
    assert left_out(*items) == ["a::one[2]", "a::other[2]"]


@pytest.mark.parametrize(
    "mark",
    [
        pytest.mark.strict(),
        pytest.mark.strict(""),
        pytest.mark.strict("slow"),
        pytest.mark.strict("One.", "Two."),
        pytest.mark.strict("Slow.", keep=2),
    ],
    ids=["nothing", "empty", "no sentence", "two", "unknown"],
)
def test_it_wants_a_sentence(mark: pytest.MarkDecorator) -> None:
    with pytest.raises(pytest.UsageError, match="say in one sentence why"):
        left_out(Item("a::long", mark))
