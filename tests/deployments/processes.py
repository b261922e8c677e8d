"""Looking at real processes: who is alive, and waiting for that to change."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PATIENCE_S = 30.0


def _table() -> Iterator[tuple[int, int, str, str]]:
    """Process id, parent, state and command of everything that runs."""
    shown = subprocess.run(["ps", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    for line in shown.stdout.splitlines():
        pid, parent, state, command = line.split(None, 3)
        yield int(pid), int(parent), state, command


def alive(pids: Iterable[int]) -> set[int]:
    """Those of `pids` that still run. A zombie has ended; its parent has only not looked yet."""
    return {pid for pid, _, state, _ in _table() if not state.startswith("Z")} & set(pids)


def children(of: int) -> set[int]:
    return {pid for pid, parent, _, _ in _table() if parent == of}


def commands() -> list[str]:
    return [command for *_, command in _table()]


def using(folder: Path) -> dict[int, str]:
    """Every process whose command, environment or working directory names `folder`, with its command."""
    running = {pid: command for pid, _, state, command in _table() if not state.startswith("Z")}
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
