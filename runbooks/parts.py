"""What a declaration is made of: symptoms, steps, instructions, watches, drills. Each by itself, and data only."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tasks.action import Action
from tasks.check import Check
from tasks.fault import Fault
from tasks.model import Verdict

AnyCheck = Check[Any]


class InvalidRunbook(Exception):
    """A runbook contradicts itself; the message says where and how to mend it."""


class Severity(enum.StrEnum):
    """How soon somebody must look: now, within an hour, four hours, a day (source: seeds S2 and S3)."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def meaning(self) -> str:
        """How soon somebody must look, as a person reads it."""
        return {"P0": "now", "P1": "within an hour", "P2": "within four hours", "P3": "within a day"}[self]


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """How the problem shows: the name of an alert, or what a person hears."""

    alert: str = ""
    heard: str = ""

    def __post_init__(self) -> None:
        if bool(self.alert) == bool(self.heard):
            raise InvalidRunbook("A Symptom is either `alert` (its name) or `heard` (what a person says): give one.")


@dataclass(frozen=True)
class Step:
    """A change, and the check whose answer calls for it. A playbook's is taken in its turn, called for by nothing.

    `at_once`: whoever opened the runbook called for it. It is asked before any question is, within its action's
    mandate; its check, which is asked afterwards as every other, says whether it worked.
    """

    action: Action
    when: AnyCheck | None = None
    at_once: bool = field(default=False, kw_only=True)

    @property
    def title(self) -> str:
        return self.action.title


@dataclass(frozen=True)
class Manual:
    """An instruction for a person, shown when its check calls for it; in a playbook, signed off in its turn."""

    title: str
    when: AnyCheck | None = None
    how: str = field(kw_only=True)
    quotes: tuple[AnyCheck, ...] = field(default=(), kw_only=True)  # what these found is put under it


Part = Step | Manual


def title_key(title: str) -> str:
    """A step's title as the journal files it: two titles that differ in signs only are one."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Recovered: the checks that were BAD answer OK for `hold`, and that begins `within`."""

    hold: timedelta
    within: timedelta

    def __post_init__(self) -> None:
        if not timedelta(0) <= self.hold < self.within:
            raise InvalidRunbook(f"Verify: hold ({self.hold}) must be shorter than within ({self.within}).")


@dataclass(frozen=True, kw_only=True)
class Settle:
    """BAD counts once `bad` of the last `of` looks were: what comes and goes by itself wakes nobody."""

    bad: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.bad <= self.of <= 60:
            raise InvalidRunbook(f"Settle: {self.bad} of {self.of} looks. Write 1 or more of at most 60.")

    def reached(self, looks: Sequence[Verdict]) -> bool:
        """Is the newest of `looks`, which come first, a BAD answer too many?"""
        return bool(looks) and looks[0] is Verdict.BAD and list(looks[: self.of]).count(Verdict.BAD) >= self.bad


AT_ONCE = Settle(bad=1, of=1)


@dataclass(frozen=True)
class Watch:
    """A check on a schedule; a BAD answer opens the runbook, and people are told when it cannot look.

    Of the rounds missed in an outage the last is made up, and the others end as Skipped: what was, nobody can ask.
    """

    check: AnyCheck
    every: timedelta
    # So many looks in a row that saw nothing are told to people. One falls into a restart, the next into the slow start
    # after it; a third means that a fault would go unseen.
    told_after: int = 3
    settle: Settle = AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Drill:
    """The rehearsal: this fault is noticed by that check and resolved by that action."""

    fault: Fault
    noticed_by: AnyCheck
    resolved_by: type[Action]
