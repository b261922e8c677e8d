"""What we ask about a disk that fills: what takes the room, and what takes it though it was deleted?"""

from __future__ import annotations

from pathlib import Path

from tasks.amounts import size
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.host.checks import DISK_AVAILABLE
from tasks.host.filling.deleted import deleted_files
from tasks.host.filling.walk import WITHIN_S, Filled, filled
from tasks.host.machine import Disk, Machine
from tasks.host.system import here
from tasks.how_far import Progress, watched
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict

SHOWN = 10
PATH_CHARACTERS = 200

STILL_OPEN = Threshold(
    warn=2**30,
    bad=10 * 2**30,
    because="Owner: the team on call. In bytes. A gigabyte is one rotated log; ten are a service that nobody has told "
    "to open its log anew, and that fills the disk with a file nobody can see.",
)


@check
def check_what_fills_disks(host: Machine, available: Threshold = DISK_AVAILABLE) -> Finding:
    """Where a disk is short: which folders and files take the room?

    It only looks where a disk is short, for eight seconds, without leaving its file system. Judged by nothing: what is
    large may be meant to be. Bytes as they lie on the disk; a folder counts with all below it.
    """
    machine = here(host)
    short = [disk for disk in machine.file_systems() if available.judge(_share(disk))]
    if not short:
        return Finding(verdict=Verdict.OK, says=f"{machine.address}: no disk is short, so nobody looked what fills it.")
    worst = min(short, key=_share)
    with watched(lambda: Progress(says=f"Looking what fills {worst.path}, for {WITHIN_S:.0f} s at most.")):
        try:
            seen = filled(Path(worst.path))
        except OSError as error:
            raise CannotLook(f"{worst.path} cannot be looked through: {error.strerror}.") from error
    return Finding(
        verdict=Verdict.WARN,
        says=_takes(worst, seen),
        value=_share(worst),
        unit="ratio",
        facts={"complete": seen.complete, "closed": seen.closed, "files": seen.files},
        rows=[*_rows("folder", seen.largest_folders), *_rows("file", seen.largest_files)],
    )


@check
def check_deleted_files(host: Machine, still_open: Threshold = STILL_OPEN) -> Finding:
    """Do deleted files take room because a process still has them open?

    `du` does not count them, `df` does: a log that was removed instead of rotated, a database's temporary file. Those
    of other users are seen by root alone.
    """
    machine = here(host)
    found = deleted_files()
    total = sum(one.bytes for one in found.files)
    largest = found.files[0] if found.files else None
    blind = f" Of {found.closed:,} processes the open files may not be read from here." if found.closed else ""
    most = (
        f"; the largest, {largest.path}, takes {size(largest.bytes)} and is held by {largest.program} (pid "
        f"{largest.pid})"
        if largest
        else ""
    )
    return Finding(
        verdict=still_open.judge(total),
        says=f"{machine.address}: deleted files that are still open take {size(total)} (bad from "
        f"{size(still_open.bad)}){most}.{blind}",
        value=total,
        unit="bytes",
        facts={"closed": found.closed},
        rows=[
            {"pid": one.pid, "program": one.program, "number": one.number, "path": one.path, "bytes": one.bytes}
            for one in found.files[:SHOWN]
        ],
    )


def _share(disk: Disk) -> float:
    """Of bytes or of files, whichever is shorter."""
    whole = disk.used + disk.available
    share = disk.available / whole if whole else 0.0
    return min(share, disk.files_free / disk.files) if disk.files and disk.files_free is not None else share


def _takes(disk: Disk, seen: Filled) -> str:
    folders, files = seen.largest_folders, seen.largest_files
    first = f"; most lies in {excerpt(folders[0][0], PATH_CHARACTERS)} ({size(folders[0][1])})" if folders else ""
    file = f", the largest file is {excerpt(files[0][0], PATH_CHARACTERS)} ({size(files[0][1])})" if files else ""
    part = "" if seen.complete else f" It was not looked through in {WITHIN_S:.0f} s; there is more."
    closed = f" {seen.closed:,} of its folders may not be read from here." if seen.closed else ""
    return (
        f"{disk.path} has {_share(disk):.0%} left. {seen.files:,} files with {size(seen.bytes)} were seen{first}{file}."
        f"{part}{closed}"
    )


def _rows(kind: str, of: list[tuple[str, float]]) -> list[Row]:
    return [{"what": kind, "path": excerpt(path, PATH_CHARACTERS), "bytes": amount} for path, amount in of[:SHOWN]]
