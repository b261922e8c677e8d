"""The real n8n's answers, recorded by tests/nightly/n8n.py: what was asked, and how an answer may differ from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).with_name("samples")
ANSWERS: dict[str, Any] = json.loads((SAMPLES / "answers.json").read_text(encoding="utf-8"))
FAILED: dict[str, Any] = json.loads((SAMPLES / "failed.json").read_text(encoding="utf-8"))
# What we read of an answer: it must be there.
READ = {
    "workflows": {"id", "name", "active", "isArchived", "createdAt", "nodes", "connections", "settings"},
    "executions": {
        "id",
        "status",
        "mode",
        "startedAt",
        "stoppedAt",
        "workflowId",
        "retryOf",
        "retrySuccessId",
        "waitTill",
    },
    "retry": {"id", "status", "retryOf"},
}


def differs(real: Any, told: Any, where: str = "") -> Iterator[str]:
    """Where `told` has a name or a kind of value that the real answer has not. Less is no difference; null fits all."""
    if real == {}:
        # Emptied when it was kept: a node's parameters, what went through it.
        return
    if isinstance(real, dict) and isinstance(told, dict):
        for name in told.keys() & real.keys():
            yield from differs(real[name], told[name], f"{where}.{name}")
        for name in sorted(told.keys() - real.keys()):
            yield f"{where}.{name} is not in n8n's answer"
    elif isinstance(real, list) and isinstance(told, list):
        if real and told:
            yield from differs(real[0], told[0], f"{where}[0]")
    elif real is not None and told is not None and type(real) is not type(told):
        yield f"{where} is {type(told).__name__}, n8n's {type(real).__name__}"
