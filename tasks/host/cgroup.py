"""The limits of a container or a service, as Linux' control groups (version 2) tell them.

Inside a container the operating system answers for the whole machine: a gigabyte of its own looks like the host's 64.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MICROSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a control group may use and does use. None: no limit of its own."""

    cores: float | None
    cpu_used_s: float
    throttled_s: float
    memory: float | None
    memory_used: float
    # Within `memory_used`: file contents and kernel caches that are given back when somebody needs the room.
    reclaimable: float


def limits(folder: Path) -> Limits | None:
    """What the group at `folder` may use; None where there is no such group, or it is the root, which has no limits.

    Version 1 has other files and is not read: there the whole machine is told.
    """
    if not (folder / "memory.max").is_file() or not (folder / "cpu.stat").is_file():
        return None
    cpu, memory = table(folder / "cpu.stat"), table(folder / "memory.stat")
    return Limits(
        cores=_cores(folder / "cpu.max"),
        cpu_used_s=cpu.get("usage_usec", 0) / MICROSECONDS,
        throttled_s=cpu.get("throttled_usec", 0) / MICROSECONDS,
        memory=_amount(folder / "memory.max"),
        memory_used=_amount(folder / "memory.current") or 0.0,
        reclaimable=memory.get("inactive_file", 0) + memory.get("slab_reclaimable", 0),
    )


def _cores(file: Path) -> float | None:
    """'200000 100000': of every tenth of a second, two tenths of processor time. The controller may be switched off."""
    if not file.is_file():
        return None
    quota, _, period = file.read_text(encoding="ascii").strip().partition(" ")
    return None if quota == "max" else float(quota) / float(period)


def _amount(file: Path) -> float | None:
    text = file.read_text(encoding="ascii").strip()
    return None if text == "max" else float(text)


def table(file: Path) -> dict[str, float]:
    """A file of names and numbers; empty where there is none."""
    lines = file.read_text(encoding="ascii").splitlines() if file.is_file() else []
    return {name: float(amount) for name, _, amount in (line.partition(" ") for line in lines)}
