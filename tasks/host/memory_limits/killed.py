"""Whom the kernel has ended because memory ran out: counted by the kernel, and told in its log where we may read it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.excerpt import excerpt
from tasks.host.cgroup import table

VMSTAT, LOG = Path("/proc/vmstat"), Path("/dev/kmsg")
# Linux' own buffer holds a few thousand; one record is at most 8 KiB (Documentation/ABI/testing/dev-kmsg).
MOST_RECORDS, RECORD_BYTES = 100_000, 8192

# "Out of memory: Killed process 812 (node) total-vm:…", "Memory cgroup out of memory: Killed process …" (mm/oom_kill.c)
_KILLED = re.compile(r"out of memory: Killed process (\d+) \((.*?)\)(?:.*?anon-rss:(\d+)kB)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Killed:
    """One process that the kernel ended, as its log tells. Unix time in seconds; bytes that it held for itself."""

    at_s: float
    pid: int
    program: str
    own: float
    by_its_limit: bool


def counted(cgroup: Path) -> int | None:
    """How many were ended since the machine, or this container, started; None where nobody counts them."""
    own = table(cgroup / "memory.events").get("oom_kill")
    whole = table(VMSTAT).get("oom_kill")
    told = own if own is not None else whole
    return None if told is None else int(told)


def logged() -> list[Killed] | None:
    """Those the kernel's log still tells of, oldest first; None where it may not be read."""
    try:
        source = os.open(LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return [one for one in map(_killed, _records(source)) if one]
    except PermissionError:
        return None
    finally:
        os.close(source)


def _records(source: int) -> Iterator[str]:
    for _ in range(MOST_RECORDS):
        try:
            yield os.read(source, RECORD_BYTES).decode("utf-8", "replace")
        except BrokenPipeError:
            # It was written over while we read: the next one is the oldest that is left.
            continue
        except BlockingIOError:
            return


def _killed(record: str) -> Killed | None:
    """'6,339,5140900,-;message': the third is the moment, in microseconds since the machine started."""
    head, _, message = record.partition(";")
    found, parts = _KILLED.search(message), head.split(",")
    if found is None or len(parts) < 3 or not parts[2].isdigit():
        return None
    return Killed(
        at_s=time.time() - time.monotonic() + int(parts[2]) / 1_000_000,
        pid=int(found[1]),
        program=excerpt(found[2], 40),
        own=1024.0 * int(found[3] or 0),
        by_its_limit="cgroup" in message,
    )
