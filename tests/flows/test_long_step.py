"""A step that takes long: the run's log and a progress artifact say where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tasks import progress
from tests.flows.room import Room, said

if TYPE_CHECKING:
    from prefect.artifacts import Artifact


def bar(room: Room) -> Artifact | None:
    from prefect.artifacts import Artifact

    return cast("Artifact | None", Artifact.get(f"progress-{room.incident[:8]}"))


def test_it_says_where_a_long_step_is(
    room: Room, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.02)
    room.set(hold="before switching on", warm=[0.25, 0.75])
    room.live(said)

    told = [line.rpartition(" - ")[2] for line in capfd.readouterr().err.splitlines() if " warm" in line]
    assert told == ["Switch the lamp on: 25% warm", "Switch the lamp on: 75% warm"]
    shown = bar(room)
    assert shown is not None
    assert (shown.data, shown.description) == (75.0, "Switch the lamp on")
    assert room.verdict == "fixed"


def test_it_leaves_no_progress_of_a_short_step(room: Room) -> None:
    room.set()
    room.live(said)

    assert bar(room) is None
