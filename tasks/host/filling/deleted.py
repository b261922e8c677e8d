"""Files that were deleted and take room all the same, because a process still has them open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.excerpt import excerpt
from tasks.host.filling.walk import BLOCK_BYTES
from tasks.model import CannotLook

PROC = Path("/proc")
GONE = " (deleted)"
# They lie in memory: shared memory, and what was made to be passed on.
IN_MEMORY = ("/memfd:", "/dev/shm/", "/SYSV", "/dev/zero", "/anon_hugepage", "/[aio]", "/drm ", "/i915")  # noqa: S108 - nothing is made there
PATH_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """One such file, and one of those who hold it open. Bytes as they lie on the disk."""

    pid: int
    program: str
    number: int
    path: str
    bytes: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """All there are, the largest first; `closed`: of so many processes the open files may not be read."""

    files: list[Deleted]
    closed: int


def deleted_files() -> Found:
    """
    Raises:
        CannotLook: this system has no /proc.
    """
    if not (PROC / "self/fd").is_dir():
        raise CannotLook("Which deleted files are still open cannot be told here: this system has no /proc.")
    found: dict[tuple[int, int], Deleted] = {}
    closed = 0
    for pid in [int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit()]:
        try:
            for key, one in _of(pid):
                found.setdefault(key, one)
        except PermissionError:
            closed += 1
        except OSError:
            # It ended while we looked.
            continue
    return Found(files=sorted(found.values(), key=lambda one: -one.bytes), closed=closed)


def _of(pid: int) -> Iterator[tuple[tuple[int, int], Deleted]]:
    for link in (PROC / str(pid) / "fd").iterdir():
        try:
            path = str(link.readlink())
            if not path.endswith(GONE) or path.startswith(IN_MEMORY):
                continue
            stat = link.stat()
        except OSError:
            continue
        # Somebody may have named a file so: one that still has a name is not deleted.
        if stat.st_nlink == 0 and stat.st_blocks:
            program = (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace")
            one = Deleted(
                pid=pid,
                program=excerpt(program, 40),
                number=int(link.name),
                path=excerpt(path.removesuffix(GONE), PATH_CHARACTERS),
                bytes=float(stat.st_blocks * BLOCK_BYTES),
            )
            yield (stat.st_dev, stat.st_ino), one
