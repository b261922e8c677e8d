"""A step that takes long: the run's log and a progress artifact say where it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest
from prefect.logging.configuration import setup_logging

from tasks import how_far
from tests.flows.room import Room, said

if TYPE_CHECKING:
    from prefect.artifacts import Artifact


def bar(room: Room) -> Artifact | None:
    from prefect.artifacts import Artifact

    return cast("Artifact | None", Artifact.get(f"progress-{room.incident[:8]}"))


class Heard(logging.Handler):
    """What a run's log is told, whatever this process shows of it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def heard(prefect_server: None) -> Iterator[Heard]:
    # At its first run Prefect would do so, and take off every handler that is there.
    setup_logging()
    handler = Heard()
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_it_says_where_a_long_step_is(room: Room, monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    monkeypatch.setattr(how_far, "EVERY_S", 0.02)
    room.set(hold="before switching on", warm=[0.25, 0.75])
    room.live(said)

    told = [line for line in heard.lines if " warm" in line]
    assert told == ["Switch the lamp on: 25% warm", "Switch the lamp on: 75% warm"]
    shown = bar(room)
    assert shown is not None
    assert (shown.data, shown.description) == (75.0, "Switch the lamp on")
    assert room.verdict == "fixed"


def test_it_leaves_no_progress_of_a_short_step(room: Room) -> None:
    room.set()
    room.live(said)

    assert bar(room) is None
