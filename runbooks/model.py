"""What a runbook declares. Data only: importing a runbook runs nothing, and a contradiction is refused at import."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tasks.action import Action
from tasks.check import Check
from tasks.fault import Fault
from tasks.model import Threshold

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
    """A change, and the check whose BAD answer calls for it."""

    action: Action
    when: AnyCheck

    @property
    def title(self) -> str:
        return self.action.title


@dataclass(frozen=True)
class Manual:
    """An instruction for a person, shown when its check answers BAD."""

    title: str
    when: AnyCheck
    how: str


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


@dataclass(frozen=True)
class Watch:
    """A check on a schedule; a BAD answer opens the runbook."""

    check: AnyCheck
    every: timedelta


@dataclass(frozen=True, kw_only=True)
class Drill:
    """The rehearsal: this fault is noticed by that check and resolved by that action."""

    fault: Fault
    noticed_by: AnyCheck
    resolved_by: type[Action]


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One problem, from its symptoms to its prevention. The fields stand in the order of the incident.

    Raises:
        InvalidRunbook: a part is missing, or two parts contradict each other.
    """

    title: str
    problem: str
    severity: Severity
    keywords: tuple[str, ...]
    symptoms: tuple[Symptom, ...]
    diagnosis: tuple[AnyCheck, ...]
    resolution: tuple[Step | Manual, ...]
    verification: Verify
    prevention: tuple[Watch, ...]
    related: tuple[str, ...] = ()
    drills: tuple[Drill, ...] = ()

    def __post_init__(self) -> None:
        for complaint in self._contradictions():
            raise InvalidRunbook(f"{self.title or 'untitled'}: {complaint}")

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(part for part in self.resolution if isinstance(part, Step))

    @property
    def thresholds(self) -> dict[str, dict[str, Threshold]]:
        """Every limit of the diagnosis, by check and parameter."""
        return {asked.name: asked.thresholds for asked in self.diagnosis}

    def _contradictions(self) -> Iterator[str]:
        yield from self._shape_contradictions()
        names = [asked.name for asked in self.diagnosis]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"the diagnosis asks {name} twice. Remove one."
        keys = [title_key(part.title) for part in self.resolution]
        for part in self.resolution:
            if not title_key(part.title):
                yield f"step {part.title!r} has no letter a-z in its title, and the journal finds steps by it. Name it."
            elif keys.count(title_key(part.title)) > 1:
                yield f"two steps are called {part.title!r}. A decision must be about one: rename the other."
        for part in self.resolution:
            if part.when not in self.diagnosis:
                yield (
                    f"step {part.title!r} waits for {part.when.name}, which the diagnosis never asks. "
                    "Add it to `diagnosis`."
                )
        yield from self._watch_contradictions()
        yield from self._drill_contradictions()

    def _shape_contradictions(self) -> Iterator[str]:
        for name in ("title", "problem", "keywords", "symptoms", "diagnosis", "resolution", "prevention"):
            if not getattr(self, name):
                yield f"`{name}` is empty. A person at 2 am needs it."
        if len(self.title.splitlines()) > 1:
            yield "`title` has several lines. Say it in one."
        for name in ("keywords", "symptoms", "diagnosis", "resolution", "prevention", "related", "drills"):
            # A lone ("door") is a text, and each of its letters would become a keyword.
            if not isinstance(getattr(self, name), tuple):
                kind = type(getattr(self, name)).__name__
                yield f"`{name}` is a {kind}, not a tuple. A single one is written with a comma: (one,)."
        if not all(word.strip() for word in self.keywords):
            yield "`keywords` holds an empty word. Remove it."
        given: tuple[object, ...] = self.diagnosis
        for asked in given:
            if not isinstance(asked, Check):
                yield f"`diagnosis` holds {getattr(asked, '__name__', asked)}, which is no check. Put @check before it."

    def _watch_contradictions(self) -> Iterator[str]:
        watched = [watch.check for watch in self.prevention]
        for watch in self.prevention:
            if watch.check not in self.diagnosis:
                yield (
                    f"the watch asks {watch.check.name}, which the diagnosis never asks: its BAD answer would open "
                    "a runbook that does not look for it. Add it to `diagnosis`."
                )
            if watch.every <= timedelta(0):
                yield f"the watch on {watch.check.name} runs every {watch.every}. Give it a time above zero."
            if watched.count(watch.check) > 1:
                yield f"{watch.check.name} is watched twice. Remove one."

    def _drill_contradictions(self) -> Iterator[str]:
        actions = {type(step.action) for step in self.steps}
        for drill in self.drills:
            which = f"drill {drill.fault.title!r}"
            if drill.noticed_by not in self.diagnosis:
                yield f"{which} is noticed by {drill.noticed_by.name}, which the diagnosis never asks. Ask it there."
            if drill.resolved_by not in actions:
                yield f"{which} is resolved by {drill.resolved_by.__name__}, which is no step here. Add the step."
        if len({type(drill.fault) for drill in self.drills}) < len(self.drills):
            yield "two drills use the same fault. Give each its own."
