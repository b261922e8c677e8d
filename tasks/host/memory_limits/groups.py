"""Services and containers that have a memory limit of their own, as Linux' control groups (version 2) tell them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.excerpt import excerpt
from tasks.host.cgroup import Limits, limits, table
from tasks.model import CannotLook

# system.slice/docker-….scope, or kubepods.slice/…/…/cri-….scope: deeper lie the parts of one service.
DEEPEST = 5
MOST_GROUPS = 5000
NAME_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Group:
    """One of them, by its last name; `killed`: how many of its processes the kernel ended for memory."""

    name: str
    limits: Limits
    memory: float
    killed: int

    @property
    def left(self) -> float:
        """Bytes that it may still take."""
        return max(0.0, self.memory - self.limits.memory_used + self.limits.reclaimable)


def limited(root: Path) -> list[Group]:
    """All with a limit, those that have the smallest share left first.

    Raises:
        CannotLook: there are no control groups of version 2, or they cannot be read.
    """
    if not (root / "cgroup.controllers").is_file():
        raise CannotLook(
            f"{root} holds no control groups of version 2: limits of services and containers cannot be told.",
            remedy="Where the machine still uses version 1, `docker stats --no-stream` tells each container's share.",
        )
    found = [one for folder in _folders(root) if (one := _group(folder)) is not None]
    return sorted(found, key=lambda one: one.left / one.memory)


def _folders(root: Path) -> Iterator[Path]:
    waiting, seen = [(root, 0)], 0
    while waiting and seen < MOST_GROUPS:
        folder, depth = waiting.pop()
        seen += 1
        yield folder
        if depth < DEEPEST:
            try:
                with os.scandir(folder) as inside:
                    waiting += [(Path(one.path), depth + 1) for one in inside if one.is_dir(follow_symlinks=False)]
            except OSError:
                # It ended meanwhile.
                continue


def _group(folder: Path) -> Group | None:
    """None: it has no limit, or is gone."""
    try:
        own = limits(folder)
        if own is None or not own.memory:
            return None
        killed = int(table(folder / "memory.events").get("oom_kill", 0))
    except (OSError, ValueError):
        return None
    return Group(name=excerpt(folder.name, NAME_CHARACTERS), limits=own, memory=own.memory, killed=killed)
