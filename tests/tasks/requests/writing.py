"""Access logs as an application writes them, a line for each request."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.logs.system import LogFile, Logs


def line(at_s: float, path: str = "/orders/7", status: int = 200, took_ms: float = 20, **more: Any) -> str:
    return json.dumps(
        {"time": round(at_s, 3), "method": "GET", "path": path, "status": status, "duration_ms": took_ms, **more}
    )


def access(path: Path, lines: Iterable[str], **settings: Any) -> Logs:
    """Logs of one service, `api`, which has written `lines`."""
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return Logs(files=(LogFile(service="api", path=path),), **settings)


def hour(
    *, rate: float = 1.0, bad_since_s: float = 600, share: float = 0.2, path: str = "/orders/7", slow_ms: float = 20
) -> list[str]:
    """An hour of requests up to now; in the last `bad_since_s` seconds a `share` fails, or takes `slow_ms`."""
    chance = random.Random(3)  # noqa: S311 - the same requests each time
    now_s = time.time()
    lines, passed_s = [], 3590.0
    while passed_s > 1:
        is_sick = passed_s <= bad_since_s and chance.random() < share
        status = 500 if is_sick and slow_ms == 20 else 200
        took_ms = (slow_ms if is_sick else 20) * chance.uniform(0.8, 1.25)
        lines.append(line(now_s - passed_s, path, status, took_ms))
        passed_s -= 1 / rate
    return lines
