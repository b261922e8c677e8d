"""Files that share the session's stack go to one process, every other file to whichever is free."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.left_out import STRICT
from tests.spread import Spread, begin_with_the_slow, group_of


class Item:
    """As much of a collected test as is looked at."""

    def __init__(self, file: str, name: str, *fixturenames: str, skipped: bool = False) -> None:
        self.path, self.name, self.fixturenames, self.skipped = Path(file), name, fixturenames, skipped

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return pytest.mark.skip(reason="long").mark if self.skipped else None


def in_turn(*items: Item) -> list[str]:
    collected = list(items)
    begin_with_the_slow(cast(list[pytest.Item], collected))
    return [item.name for item in collected]


def test_it_begins_with_what_is_slow_to_come_up_file_by_file() -> None:
    items = Item("a", "a"), Item("b", "b", "house"), Item("c", "c"), Item("c", "d", "stack"), Item("e", "e", "stack")
    assert in_turn(*items) == ["c", "d", "e", "b", "a"]


def test_it_does_not_begin_with_what_is_left_out() -> None:
    assert in_turn(Item("a", "a"), Item("b", "b", "stack", skipped=True)) == ["a", "b"]


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/deployments/test_worker.py::test_a", "stack"),
        ("tests/deployments/test_browser.py::test_a[x::y]", "stack"),
        ("tests/deployments/test_drills.py::test_a", "drills" if STRICT else "stack"),
        ("tests/deployments/test_publish_planned.py::test_a", "publishing"),
        ("tests/flows/gate/test_proof.py::test_a", "gate"),
        ("tests/flows/gate/test_binding.py::test_a", "gate"),
        ("tests/flows/test_incident.py::test_a", "prefect"),
        ("tests/flows/test_cut_matrix.py::test_a", "world"),
        ("tests/flows/test_survival.py::test_a", "tests/flows/test_survival.py"),
    ],
    ids=["stack", "browser", "drills", "publishing", "gate", "a gate", "prefect", "world", "file"],
)
def test_it_goes_by_group_and_without_one_by_file(nodeid: str, scope: str) -> None:
    assert Spread._split_scope(Spread.__new__(Spread), nodeid) == scope


def test_it_takes_the_dearest_of_what_is_shared() -> None:
    assert group_of("tests/a.py", "def test(room: Room, stack: Stack)") == "stack"
