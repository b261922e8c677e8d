"""What fills a disk: a walk through one file system, for a few seconds at most, that counts what lies where."""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Blocks as stat(2) counts them.
BLOCK_BYTES = 512
# A million names take a second or two when they are in memory; a cold disk takes longer, and is left after that.
WITHIN_S = 8.0
DEEPEST = 60
LARGEST = 10
# Folders are added up at this depth under where the walk began: deeper, each is a handful.
TOLD_DEPTH = 3
# A folder that holds nearly all of the one above it is the place to look.
STANDS_FOR = 0.9


@dataclass
class Filled:
    """What the walk saw. Bytes as they lie on the disk: a sparse file counts by what it takes."""

    files: int = 0
    bytes: float = 0.0
    folders: dict[str, float] = field(default_factory=dict)
    # (bytes, path), the smallest first: a heap.
    largest: list[tuple[float, str]] = field(default_factory=list)
    closed: int = 0
    complete: bool = True

    @property
    def largest_files(self) -> list[tuple[str, float]]:
        return [(path, amount) for amount, path in sorted(self.largest, reverse=True)]

    @property
    def largest_folders(self) -> list[tuple[str, float]]:
        """Each counted with all below it; of one that holds nearly all of another, only the inner one."""
        told: list[tuple[str, float]] = []
        for path, amount in sorted(self.folders.items(), key=lambda one: -one[1]):
            inner = (of for other, of in self.folders.items() if other.startswith(f"{path}/"))
            if max(inner, default=0.0) < STANDS_FOR * amount:
                told.append((path, amount))
            if len(told) == LARGEST:
                break
        return told


def filled(root: Path, within_s: float = WITHIN_S) -> Filled:
    """Walk through the file system that `root` lies on; others that are mounted below it are left out.

    What may not be read is counted in `closed`; what there was no time for makes it not `complete`.

    Raises:
        OSError: `root` cannot be looked at.
    """
    seen, until = Filled(), time.monotonic() + within_s
    device, twice = os.lstat(root).st_dev, set[int]()
    waiting: list[tuple[str, int]] = [(str(root), 0)]
    while waiting:
        if time.monotonic() > until:
            seen.complete = False
            break
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as inside:
                for name, stat, is_folder in _entries(inside):
                    if stat.st_dev != device or (stat.st_nlink > 1 and not is_folder and stat.st_ino in twice):
                        continue
                    if is_folder and depth < DEEPEST:
                        waiting.append((name, depth + 1))
                    elif stat.st_nlink > 1:
                        twice.add(stat.st_ino)
                    _count(seen, str(root), name, float(stat.st_blocks * BLOCK_BYTES), is_folder)
        except OSError:
            seen.closed += 1
    return seen


def _entries(inside: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result, bool]]:
    for entry in inside:
        try:
            yield entry.path, entry.stat(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
        except OSError:
            # It went while we looked.
            continue


def _count(seen: Filled, root: str, name: str, amount: float, is_folder: bool) -> None:
    seen.bytes += amount
    if not is_folder:
        seen.files += 1
        heapq.heappush(seen.largest, (amount, name))
        if len(seen.largest) > LARGEST:
            heapq.heappop(seen.largest)
    parts = name.removeprefix(root).strip("/").split("/")[:-1]
    path = root.rstrip("/")
    for part in parts[:TOLD_DEPTH]:
        path = f"{path}/{part}"
        seen.folders[path] = seen.folders.get(path, 0.0) + amount
