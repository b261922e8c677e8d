"""The words shared by every question and every change: verdicts, thresholds, findings, plans, outcomes."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import rfc8785
from pydantic import ConfigDict

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Row = Mapping[str, Json]


class CannotLook(Exception):
    """The system did not let itself be asked just now. Asking again may help; otherwise the answer is UNKNOWN."""

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(says)
        self.says = says
        self.remedy = remedy


class Refused(CannotLook):
    """The system said no and will say it again: asking again is pointless until a person mends something."""


class Verdict(enum.IntEnum):
    """What one answer means. The order is the order of concern, so the worst of many is `max()`."""

    OK = 0
    WARN = 1
    UNKNOWN = 2
    BAD = 3


class Risk(enum.IntEnum):
    """How much a plan can hurt. The gate asks for a role by it."""

    LOW = 1
    MODERATE = 2
    HIGH = 3


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A limit with its reason.

    `warn` and `bad` are in base units (seconds, bytes, ratios). If `bad` lies below `warn`, lower is worse.
    Both limits belong to the worse side: with `warn=20`, 20 is WARN.

    Raises:
        ValueError: a limit is not a number, both are equal, or the reason is missing.
    """

    # Read by pydantic when a configuration file overrides a limit: a misspelt key is refused, not dropped.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    warn: float
    bad: float
    because: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.warn) and math.isfinite(self.bad)):
            raise ValueError(f"Threshold: warn={self.warn} and bad={self.bad} must be finite numbers.")
        if self.warn == self.bad:
            raise ValueError(f"Threshold: warn and bad are both {self.warn}; one of them would never be said.")
        if not self.because.strip():
            raise ValueError("Threshold: `because` is empty. Say whose limit this is and why it matters.")

    def judge(self, value: float) -> Verdict:
        """Which side of the limits is `value` on? NaN cannot be judged and is UNKNOWN."""
        if math.isnan(value):
            return Verdict.UNKNOWN
        sign = 1 if self.bad > self.warn else -1
        if sign * value >= sign * self.bad:
            return Verdict.BAD
        return Verdict.WARN if sign * value >= sign * self.warn else Verdict.OK


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer to one check: a verdict, one sentence that can be read aloud, and what it rests on.

    `value` is in `unit` (base units); `facts` are single values, `rows` the sick ones as evidence.
    """

    verdict: Verdict
    says: str
    value: float | None = None
    unit: str = ""
    facts: Row = field(default_factory=dict)
    rows: Sequence[Row] = ()
    remedy: str = ""

    @classmethod
    def unknown(cls, says: str, *, remedy: str = "") -> Finding:
        """An answer that could not be had; `remedy` is what a person types to make it visible."""
        return cls(verdict=Verdict.UNKNOWN, says=says, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The same check's last answer in the same environment, for questions about change."""

    at_s: float  # Unix time of that look, seconds
    value: float
    facts: Row = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NoWayBack:
    """Said in place of an undo: what is gone once the action is done."""

    loses: str

    def __post_init__(self) -> None:
        if not self.loses.strip():
            raise ValueError("NoWayBack: `loses` is empty. Say what is gone once this is done.")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing a plan does: the line an operator would type, and the target a machine finds it by."""

    line: str
    target: Row

    @property
    def effect(self) -> str:
        """Line and target in canonical form, for telling whether two commands would do the same."""
        return canonical({"line": self.line, "target": self.target}).decode()


@dataclass(frozen=True, kw_only=True)
class BlastRadius:
    """How much a plan touches, measured when it was made: 1 of 41 sessions."""

    touched: int
    total: int
    noun: str

    def __str__(self) -> str:
        return f"{self.touched} of {self.total} {self.noun}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Exactly what an action will do.

    `commands` are the effect and decide the digest; `evidence` holds what was seen when the plan was made (waiting
    times, queries): it is shown and recorded, but its numbers move by themselves and void nothing.
    A plan without commands says why nothing needs doing.
    """

    does: str
    commands: tuple[Command, ...]
    blast_radius: BlastRadius
    risk: Risk
    loses: str
    evidence: Sequence[Row] = ()
    # How many different people it takes in production, at least.
    people: int = 1
    # What the commands are written in, as a code fence names it: sql, sh, http, text.
    language: str = "sql"

    @property
    def effect(self) -> frozenset[str]:
        """The commands in canonical form, for comparing two plans by what they would do."""
        return frozenset(command.effect for command in self.commands)

    def exceeds(self, approved: Plan) -> frozenset[str]:
        """What this plan would do beyond the approved one. Empty: the same, or less."""
        # Counted: of two that are masked alike, only one may have been approved.
        now, then = (Counter(command.effect for command in plan.commands) for plan in (self, approved))
        return frozenset(now - then)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an action did: one sentence, and the rows that tell each target's fate.

    `rows` are recorded, and an undo reads them again: what only came to be in acting (an id, the old value) belongs
    there. `not_done` are the targets of the plan's commands that were left alone: an undo leaves them alone, too.
    """

    says: str
    complete: bool
    rows: Sequence[Row] = ()
    not_done: Sequence[Row] = ()

    def done_of(self, plan: Plan) -> Plan:
        """`plan` with the commands that were done, or may have been."""
        left = {canonical(target) for target in self.not_done}
        return dataclasses.replace(plan, commands=tuple(c for c in plan.commands if canonical(c.target) not in left))


def canonical(value: Json) -> bytes:
    """`value` as RFC 8785 canonical JSON.

    Raises:
        rfc8785.CanonicalizationError: NaN, an infinity, or a whole number beyond 2**53.
    """
    return rfc8785.dumps(value)


def digest(value: Json) -> str:
    """SHA-256 over the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
