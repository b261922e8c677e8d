"""An answer of the real n8n, as it may be kept: its shape, and what our own made-up workflows put in; nothing else."""

from __future__ import annotations

import re
from typing import Any

# Headers, stacks, and what went through a node: none of it is read by anybody here.
DROPPED = frozenset({"stack", "headers", "body", "shared", "activeVersion", "contextData", "metadata", "hints"})
EMPTIED = frozenset({"json", "parameters"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
MOMENT = "2026-11-29T12:00:00.000Z"


def sanitised(told: Any, name: str = "") -> Any:
    """`told` without what is nobody's business: items become empty ones, moments and ports one and the same."""
    if isinstance(told, dict):
        kept = {key: value for key, value in told.items() if key not in DROPPED}
        return {key: {} if key in EMPTIED else sanitised(value, key) for key, value in kept.items()}
    if isinstance(told, list):
        return [sanitised(one, name) for one in told]
    if isinstance(told, str):
        return re.sub(r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:8080", _MOMENT.sub(MOMENT, told))
    return 0 if name in ("timestamp", "startTime", "executionTime") else told
