"""What a queue is found to be, in one vocabulary for Bull 4, BullMQ 5 and BullMQ 6."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.excerpt import excerpt

BULL, BULLMQ = "Bull", "BullMQ"
# Of a class of reasons, in a sentence.
SHOWN = 120
_CODE = re.compile(r"\bE[A-Z]{4,20}\b")
_VERSION = re.compile(r"^bullmq:(\d{1,3})\.")
# What a limit of pace sounds like: to try again at once makes it worse.
_HELD_BACK = re.compile(r"\b429\b|too many requests|rate.?limit", re.IGNORECASE)
# How BullMQ and Bull say that a worker died with the job, twice.
STALLED = "job stalled more than allowable limit"


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one queue stands. Counts of jobs; `oldest_ms` since when the oldest of them is due, 0 where none is known."""

    queue: str
    library: str
    # None: no producer has written it down (Python's never does), and nobody has configured it.
    major: int | None
    paused: bool
    # By its places: where jobs wait while the queue runs, and where Bull 4 and BullMQ 5 move them while it is paused.
    wait: int
    held: int
    active: int
    delayed: int
    overdue: int
    prioritized: int
    failed: int
    completed: int
    children: int
    oldest_ms: int
    # Of those at the ends of the queue: tried before, so that since when they wait is written nowhere.
    unknown: int

    @property
    def due(self) -> int:
        """All that a worker could take now, or could if it were not paused."""
        return self.wait + self.held + self.prioritized + self.overdue

    @property
    def said(self) -> str:
        return f"{self.library} {self.major}" if self.major else self.library

    @classmethod
    def of(cls, queue: str, told: Sequence[Any], configured: int | None) -> Look:
        """What scripts/look.lua told. A key of another type counts as empty: it is none of a queue's."""
        version, of_bullmq, paused, mark = str(told[0]), bool(told[1]), str(told[2]), bool(told[3])
        counts = [max(int(number), 0) for number in told[4:]]
        names = ("wait", "held", "active", "delayed", "overdue", "prioritized", "failed", "completed", "children")
        written = _VERSION.match(version)
        # Empty, neither has left anything to tell them apart by; only BullMQ's major can be configured.
        bullmq = bool(written) or of_bullmq or configured is not None
        return cls(
            queue=queue,
            library=BULLMQ if bullmq else BULL,
            major=int(written.group(1)) if written else configured,
            paused=bool(paused) or mark,
            **dict(zip(names, counts[:-2], strict=True)),
            oldest_ms=counts[-2],
            unknown=counts[-1],
        )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Jobs of one name that failed for one class of reasons. `newest_ms` and `oldest_ms` are when they failed."""

    queue: str
    name: str
    reason: str
    jobs: int
    newest_ms: int
    oldest_ms: int
    example: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """One job that failed. `in_vain`: how often it was tried again after it had failed for good."""

    queue: str
    id: str
    name: str
    reason: str
    in_vain: int
    at_ms: int
    # Taken last in, first out: it is put where the next one is taken.
    last_in: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Jobs that came to their end since then, on the server's clock. `completed` is None where it cannot be told."""

    completed: int | None
    failed: int
    since_ms: int


def reason_class(reason: str) -> str:
    """What many reasons have in common: the system's own code for it, or its words without numbers and addresses."""
    code = _CODE.search(reason)
    return code.group() if code else excerpt(reason, SHOWN) or "(no reason given)"


def held_back(reason: str) -> bool:
    """Is it a limit of pace?"""
    return bool(_HELD_BACK.search(reason))
