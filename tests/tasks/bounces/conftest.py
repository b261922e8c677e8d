"""No answer here depends on how busy the machine is."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.bounces.arrived.OPENED_WITHIN_S", 600.0)
