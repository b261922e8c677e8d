"""Looking at real processes: who is alive, and waiting for that to change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deployments.process_table import processes

PATIENCE_S = 120.0


def alive(pids: Iterable[int]) -> set[int]:
    """Those of `pids` that still run. A zombie has ended."""
    return {process.pid for process in processes() if not process.zombie} & set(pids)


def children(of: int) -> set[int]:
    return {process.pid for process in processes() if process.parent == of}


def commands() -> list[str]:
    return [process.command for process in processes()]


def using(folder: Path) -> dict[int, str]:
    """Every process whose command, environment or working directory names `folder`, with its command."""
    running = {process.pid: process.command for process in processes() if not process.zombie}
    return {pid: command for pid, command in running.items() if str(folder) in command + _surroundings(pid)}


def _surroundings(pid: int) -> str:
    place = Path("/proc") / str(pid)
    try:
        return (place / "environ").read_text(errors="replace") + str((place / "cwd").readlink())
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return ""


def wait_until(true: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < until, f"not within {patience_s:.0f} s: {what}"
        time.sleep(0.02)
