"""For steps that are tried without a runbook."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

# Of its declaration a step asks only how long people may take.
UNDECLARED: Any = SimpleNamespace(answer_within=None)
