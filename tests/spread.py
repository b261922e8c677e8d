"""How the tests are spread over processes: a file stays with one, and so do all files that share what is dear.

A stack with its lab and everything published costs half a minute of processor time, Prefect's server for tests nearly
as much, once for each process that needs one; and each takes its share of a core for as long as it is up.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.left_out import STRICT, runs

ROOT = Path(__file__).parents[1]
# Who asks for these by a parameter, in the file itself, belongs to the group; the first one counts. The process that
# spreads the tests collects none, and xdist's own groups are lost on pytest 9.2 (xdist 3.8 writes `item._nodeid`, which
# pytest reads no more). All drills together take as long as all else on the stack, so in CI they get one beside it.
GROUPS = {
    "rehearse: Rehearse": "drills" if STRICT else "stack",
    "stack: Stack": "stack",
    "world: World": "world",
    "room: Room": "prefect",
    "gate: Gate": "prefect",
    "ward: Ward": "prefect",
    "prefect_server: None": "prefect",
    "publishing: None": "publishing",
}
# About the gate as much is asked as about all else that needs Prefect's server: together they would end last.
HALF = "tests/flows/gate/"
# Whoever waits for one of these comes first, in this order: begun last, it would hold up the end alone.
SLOW_TO_COME_UP = ("stack", "world", "prefect_server", "publishing", "lab", "house", "site")


class Spread(LoadFileScheduling):  # type: ignore[misc]
    """By group, and without one by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return group_of(file, source(file)) or file


@cache
def source(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def group_of(file: str, text: str) -> str:
    """The group of a file with this text; empty, if it goes to whichever process is free."""
    group = next((group for asked, group in GROUPS.items() if asked in text), "")
    return "gate" if group == "prefect" and file.startswith(HALF) else group


def begin_with_the_slow(items: list[pytest.Item]) -> None:
    """The files that wait for what is slow to come up, before all others."""
    turns: dict[Path, int] = {}
    for item in items:
        if runs(item):
            turns[item.path] = min(turn(item), turns.get(item.path, len(SLOW_TO_COME_UP)))
    items.sort(key=lambda item: turns.get(item.path, len(SLOW_TO_COME_UP)))


def turn(item: pytest.Item) -> int:
    needed = getattr(item, "fixturenames", ())
    return next((n for n, fixture in enumerate(SLOW_TO_COME_UP) if fixture in needed), len(SLOW_TO_COME_UP))
