"""A service of a test's own, in whose place `systemctl` would stand."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.service.system import ApplicationService, DatabaseService, Service

KEEPER = Path(__file__).with_name("keeper.py")


def commands(folder: Path) -> dict[str, Any]:
    return {verb: (sys.executable, str(KEEPER), verb, str(folder)) for verb in ("restart", "status", "stop")}


def pid_of(folder: Path) -> int:
    return int((folder / "pid").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    if (tmp_path / "pid").exists():
        try:
            os.kill(pid_of(tmp_path), signal.SIGKILL)
        except ProcessLookupError:
            return


@pytest.fixture(params=[ApplicationService, DatabaseService])
def service(request: pytest.FixtureRequest, folder: Path) -> Service:
    made: Service = request.param(**commands(folder), environment={"TOKEN": "twelve-signs"})
    return made
