"""The processes of this machine, each known by its number and by the moment it began: a number alone is given again.

Of a command line nothing is shown: it may hold a password. A program's name is what the process calls itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tasks.excerpt import excerpt
from tasks.growth import Look
from tasks.model import CannotLook, Row

PROC = Path("/proc")
# Linux keeps 15 characters of a name; a unit of systemd may be long.
NAME_CHARACTERS = 40
# Two looks are a jump; three, a second apart, show whether it goes on.
SAMPLE_LOOKS, SAMPLE_EVERY_S = 3, 1.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process. Bytes and seconds; `began` is in ticks since the machine started, as Linux counts them.

    `own` is what it holds in memory without files and memory that it shares: what a leak is made of.
    """

    pid: int
    began: int
    parent: int
    program: str
    unit: str
    own: float
    cpu_s: float
    at_s: float

    @property
    def identity(self) -> str:
        return f"{self.pid}:{self.began}"

    @property
    def said(self) -> str:
        """'node (pid 4711, web.service)'."""
        return f"{self.program} (pid {self.pid}{f', {self.unit}' if self.unit else ''})"

    @property
    def row(self) -> Row:
        return {"pid": self.pid, "program": self.program, "service": self.unit, "own_bytes": self.own}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The same processes, looked at a few times within seconds; those that ended meanwhile are left out."""

    processes: Sequence[Process]
    own: Mapping[str, Sequence[Look]]
    cpu: Mapping[str, Sequence[Look]]


def processes(programs: Collection[str] = ()) -> list[Process]:
    """All processes of these programs (empty: of all) but the kernel's own, the largest first.

    Raises:
        CannotLook: this system has no /proc.
    """
    if not (PROC / "self/stat").is_file():
        raise CannotLook("The processes of this machine cannot be told apart: it is no Linux.")
    found = [one for one in map(_process, psutil.pids()) if one and (not programs or one.program in programs)]
    return sorted(found, key=lambda one: -one.own)


def sampled(programs: Collection[str] = ()) -> Sample:
    """A few looks in a row.

    Raises:
        CannotLook: this system has no /proc.
    """
    rounds: list[list[Process]] = []
    for number in range(SAMPLE_LOOKS):
        if number:
            time.sleep(SAMPLE_EVERY_S)
        rounds.append(processes(programs))
    last = {one.identity for one in rounds[-1]}
    own: dict[str, list[Look]] = {}
    cpu: dict[str, list[Look]] = {}
    for looked in rounds:
        for one in looked:
            if one.identity in last:
                own.setdefault(one.identity, []).append((one.at_s, one.own))
                cpu.setdefault(one.identity, []).append((one.at_s, one.cpu_s))
    return Sample(processes=rounds[-1], own=own, cpu=cpu)


def proportional(pid: int) -> float | None:
    """What it holds in memory, of shared memory its share (PSS); None where that may not be read."""
    try:
        return float(psutil.Process(pid).memory_full_info().pss)
    except (psutil.Error, OSError, AttributeError):
        return None


def connections(pid: int) -> int | None:
    """How many connections it has open: who would be cut off. None where that may not be read."""
    try:
        found = psutil.Process(pid).net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found)


def family(root: int, known: Sequence[Process]) -> list[Process]:
    """A process and all that it began, they and theirs, of those that are known."""
    of: set[int] = {root}
    while more := {one.pid for one in known if one.parent in of} - of:
        of |= more
    return [one for one in known if one.pid in of]


def ours() -> frozenset[int]:
    """This process and all that it descends from: they must not be stopped by it. The first of all is among them."""
    return frozenset({1, psutil.Process().pid, *(one.pid for one in psutil.Process().parents())})


def _process(pid: int) -> Process | None:
    """None: it has ended meanwhile, it is a thread of the kernel, or it is hidden from us."""
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        known = psutil.Process(pid)
        with known.oneshot():
            memory, cpu = known.memory_info(), known.cpu_times()
            if memory.rss == 0:
                return None
            return Process(
                pid=pid,
                began=began(pid),
                parent=known.ppid(),
                program=excerpt(known.name(), NAME_CHARACTERS),
                unit=_unit(pid),
                own=float(max(0, memory.rss - memory.shared)),
                cpu_s=cpu.user + cpu.system,
                at_s=time.time(),
            )
    return None


def began(pid: int) -> int:
    """When it began, in ticks since the machine started: the 22nd field of proc_pid_stat(5).

    Not psutil's create_time, which is reckoned from the clock, and moves when the clock is set.

    Raises:
        OSError: there is no such process.
    """
    text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    # Its name stands in brackets, and may hold blanks and brackets itself.
    return int(text.rpartition(")")[2].split()[19])


def _unit(pid: int) -> str:
    """The service or container it belongs to: the last part of its control group; empty where it has none."""
    lines = (PROC / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    groups = [line.split(":", 2)[2] for line in lines if line.startswith("0::") or ":name=systemd:" in line]
    return excerpt(max(groups, key=len, default="/").rpartition("/")[2], NAME_CHARACTERS)
