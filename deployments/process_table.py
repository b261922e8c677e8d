"""Every process of this machine, without needing `ps` where /proc tells the same: slim images have no `ps`."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_NAME = 15


@dataclass(frozen=True)
class Process:
    """One process as the machine lists it."""

    pid: int
    parent: int
    # Ended, but its parent has not looked yet.
    zombie: bool
    command: str


def processes() -> Iterator[Process]:
    yield from _from_proc() if (PROC / "self/stat").exists() else _from_ps()


def descendants(of: int) -> set[int]:
    """The children of a process, their children, and so on."""
    table = list(processes())
    found: set[int] = set()
    generation = {of}
    while generation:
        generation = {process.pid for process in table if process.parent in generation}
        found |= generation
    return found


def _from_proc() -> Iterator[Process]:
    for place in PROC.glob("[0-9]*"):
        try:
            status = (place / "stat").read_text(encoding="utf-8", errors="replace")
            command = (place / "cmdline").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            # It ended while the list was read.
            continue
        # The name stands in brackets and may hold spaces and brackets of its own.
        state, parent = status.rpartition(")")[2].split()[:2]
        yield Process(int(place.name), int(parent), state == "Z", command.replace("\0", " ").strip())


def _from_ps() -> Iterator[Process]:
    command = ["/bin/ps", "-axo", "pid=,ppid=,stat=,args="]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        pid, parent, state, shown = line.split(None, 3)
        yield Process(int(pid), int(parent), state.startswith("Z"), shown)


def name_process(name: str) -> None:
    """What `ps -o comm` calls this process from now on; Linux only, elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0)
