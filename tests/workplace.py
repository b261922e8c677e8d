"""Where a run of the tests keeps its servers and files: one folder, in memory where there is room, gone with the run.

A run that is killed removes nothing, and what lies in memory is memory that the next one lacks: with nineteen gigabytes
of that, its processes were killed one after another. So each run begins by removing what dead ones have left.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psutil

# Thousands of databases are made and dropped: in memory each takes a twentieth of the time it takes on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder of our own, which nobody else may list
NEEDED = 6 * 1024**3
_OURS = "incident-run-"


def settle() -> Path:
    """The folder of this run, which is the temporary folder of all its processes from now on.

    A process that a run has begun (one of xdist's, a pytest that is itself under test) stays in that run's folder.
    """
    given = Path(tempfile.gettempdir())
    if given.name.startswith(_OURS):
        return given
    for base in (MEMORY, given):
        sweep(base)
    folder = (MEMORY if _roomy(MEMORY) else given) / f"{_OURS}{os.getpid()}"
    folder.mkdir(mode=0o711)  # the servers run as users of their own, who pass through
    folder.chmod(0o711)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def sweep(base: Path) -> list[Path]:
    """Removes the folders of runs that are no more, and returns them; what belongs to anybody else stays."""
    left = [folder for folder in base.glob(f"{_OURS}*") if _over(folder.name.removeprefix(_OURS))]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return left


def _over(pid: str) -> bool:
    return pid.isdecimal() and (int(pid) == os.getpid() or not psutil.pid_exists(int(pid)))


def _roomy(folder: Path) -> bool:
    """Can the tests' servers and programs live there?"""
    if not folder.is_dir() or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return min(shutil.disk_usage(folder).free, psutil.virtual_memory().available) >= NEEDED
