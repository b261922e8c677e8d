"""The stand-in for an engine, and the door to it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.docker.system import Docker
from tests.tasks.docker.engine import Engine, running


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.docker.services.actions.STAYS_S", 0.3)


@pytest.fixture
def engine() -> Iterator[Engine]:
    # A socket's path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, running(Path(folder) / "docker.sock") as engine:
        yield engine


@pytest.fixture
def docker(engine: Engine) -> Docker:
    return Docker(socket=engine.socket, limit_s=60, project="shop")
