"""What a runbook declares. Data only: importing a runbook runs nothing, and a contradiction is refused at import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from runbooks.clock import Clock
from runbooks.parameter import Parameter, needed_by
from runbooks.parts import (
    AT_ONCE,
    AnyCheck,
    Drill,
    InvalidRunbook,
    Manual,
    Part,
    Settle,
    Severity,
    Step,
    Symptom,
    Verify,
    Watch,
    title_key,
)
from tasks.check import Check
from tasks.model import Threshold, Verdict
from tasks.parameters import systems_of

# Whoever writes a declaration imports all it takes from here.
__all__ = [
    "AT_ONCE",
    "AnyCheck",
    "Declared",
    "Drill",
    "InvalidRunbook",
    "Manual",
    "Part",
    "Runbook",
    "Settle",
    "Severity",
    "Step",
    "Symptom",
    "Verify",
    "Watch",
    "title_key",
]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What Runbook, Playbook, Maintenance and Health share: enough to find one, to show it and to live through it.

    Raises:
        InvalidRunbook: a part is missing, or two parts contradict each other.
    """

    kind: ClassVar[str]
    # The flow that lives through it, and has its deployments.
    flow: ClassVar[str]
    # Begun by a schedule of each environment's own; otherwise whoever begins it says where.
    by_schedule: ClassVar[bool] = False
    # What `about` is, over a column.
    about_as: ClassVar[str] = "Purpose"
    # The answers that call for a step.
    calls: ClassVar[frozenset[Verdict]] = frozenset({Verdict.BAD})
    _needed: ClassVar[tuple[str, ...]]
    _tuples: ClassVar[tuple[str, ...]]

    title: str
    keywords: tuple[str, ...]
    verification: Verify
    related: tuple[str, ...] = ()
    # What it may be a symptom of: is an incident of one of these open there, this one waits for its verdict.
    symptom_of: tuple[str, ...] = ()
    drills: tuple[Drill, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        for complaint in self._contradictions():
            raise InvalidRunbook(f"{self.title or 'untitled'}: {complaint}")

    @property
    def about(self) -> str:
        """What it is for, in a sentence or two."""
        raise NotImplementedError

    @property
    def urgency(self) -> str:
        """How soon somebody has to look, as a severity; planned work has none."""
        return ""

    @property
    def begins(self) -> str:
        """Who or what begins it, and when, in words."""
        return "somebody decides to"

    @property
    def when(self) -> dict[str, str]:
        """What tells when it is begun, in a list of its kind, under its name."""
        return {}

    @property
    def cron(self) -> str:
        """Its schedule, on the environment's clock; empty if it has none."""
        return ""

    @property
    def answer_within(self) -> timedelta | None:
        """How long people have to answer, from when it began; None: as long as the environment says, each time."""
        return None

    @property
    def noticed(self) -> tuple[Symptom, ...]:
        """What people or monitoring see of it."""
        return ()

    @property
    def watched(self) -> tuple[Watch, ...]:
        """What opens it by itself."""
        return ()

    @property
    def first_asked(self) -> tuple[AnyCheck, ...]:
        """The questions with which living through it begins."""
        raise NotImplementedError

    @property
    def concerns(self) -> tuple[AnyCheck, ...]:
        """The questions that say what it is about: where none of their systems is, there is nothing to do."""
        return self.first_asked

    @property
    def checks(self) -> tuple[AnyCheck, ...]:
        """Every question it ever asks, each once."""
        return self.first_asked

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its steps, those for a person too, in their order."""
        raise NotImplementedError

    @property
    def action_steps(self) -> tuple[Step, ...]:
        """The steps that are taken by us."""
        return tuple(part for part in self.parts if isinstance(part, Step))

    @property
    def at_once(self) -> tuple[Step, ...]:
        """The steps that wait for no answer."""
        return tuple(step for step in self.action_steps if step.at_once)

    @property
    def thresholds(self) -> dict[str, dict[str, Threshold]]:
        """Every limit of its questions, by check and parameter."""
        return {asked.name: asked.thresholds for asked in self.checks}

    def _contradictions(self) -> Iterator[str]:
        yield from self._shape_contradictions()
        yield from self._part_contradictions()
        yield from self._verb_contradictions()
        yield from self._at_once_contradictions()

    def _shape_contradictions(self) -> Iterator[str]:
        for name in ("title", *self._needed):
            if not getattr(self, name):
                yield f"`{name}` is empty. A person at 2 am needs it."
        if len(self.title.splitlines()) > 1:
            yield "`title` has several lines. Say it in one."
        for name in ("keywords", *self._tuples, "related", "symptom_of", "drills", "parameters"):
            # A lone ("door") is a text, and each of its letters would become a keyword.
            if not isinstance(getattr(self, name), tuple):
                kind = type(getattr(self, name)).__name__
                yield f"`{name}` is a {kind}, not a tuple. A single one is written with a comma: (one,)."
        if not all(word.strip() for word in self.keywords):
            yield "`keywords` holds an empty word. Remove it."

    def _part_contradictions(self) -> Iterator[str]:
        keys, known = [title_key(part.title) for part in self.parts], self.first_asked
        for part in self.parts:
            if not title_key(part.title):
                yield f"step {part.title!r} has no letter a-z in its title, and the journal finds steps by it. Name it."
            elif keys.count(title_key(part.title)) > 1:
                yield f"two steps are called {part.title!r}. A decision must be about one: rename the other."
            quoted = part.quotes if isinstance(part, Manual) else ()
            yield from (f"step {part.title!r} quotes {a.name}: ask it first." for a in quoted if a not in known)

    def _asked_contradictions(self, where: str, checks: tuple[AnyCheck, ...]) -> Iterator[str]:
        given: tuple[object, ...] = checks
        for asked in given:
            if not isinstance(asked, Check):
                yield f"`{where}` holds {getattr(asked, '__name__', asked)}, which is no check. Put @check before it."
        names = [asked.name for asked in checks]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"`{where}` asks {name} twice. Remove one."

    def _verb_contradictions(self) -> Iterator[str]:
        """An argument nobody fills would fail in the middle of the night, after the approval."""
        filled = {parameter.name for parameter in self.parameters}
        for step in self.action_steps:
            own = filled | {"plan"} | set(systems_of(step.action.plan))
            for verb in (step.action.plan, step.action.apply, step.action.applied):
                for name in needed_by(verb) - own:
                    yield (
                        f"step {step.title!r}: nobody fills {name!r} of {step.action.name}.{verb.__name__}. "
                        "Declare it in `parameters`, or give it a default."
                    )

    def _at_once_contradictions(self) -> Iterator[str]:
        for step in self.at_once:
            if not isinstance(self, Runbook):
                yield f"step {step.title!r} is `at_once`, and a {self.kind} has no emergency. Make it a Runbook."
            elif step.action.mandate is None:
                yield f"step {step.title!r} is `at_once`, and nothing bounds what it may do. Give it a `mandate`."
        if self.parts[: len(self.at_once)] != self.at_once:
            yield "what is done `at_once` stands behind what is not. Put it first: it is asked first."

    def _drill_contradictions(self, noticing: tuple[AnyCheck, ...]) -> Iterator[str]:
        actions = {type(step.action) for step in self.action_steps}
        for drill in self.drills:
            which = f"drill {drill.fault.title!r}"
            if drill.noticed_by not in noticing:
                yield f"{which} is noticed by {drill.noticed_by.name}, which the diagnosis never asks. Ask it there."
            if drill.resolved_by not in actions:
                yield f"{which} is resolved by {drill.resolved_by.__name__}, which is no step here. Add the step."
        if len({type(drill.fault) for drill in self.drills}) < len(self.drills):
            yield "two drills use the same fault. Give each its own."


@dataclass(frozen=True, kw_only=True)
class Runbook(Declared):
    """One problem, from its symptoms to its prevention. The fields stand in the order of the incident."""

    kind: ClassVar[str] = "runbook"
    flow: ClassVar[str] = "incident"
    about_as: ClassVar[str] = "Problem"
    _needed: ClassVar[tuple[str, ...]] = ("problem", "keywords", "symptoms", "diagnosis", "resolution", "prevention")
    _tuples: ClassVar[tuple[str, ...]] = ("symptoms", "diagnosis", "resolution", "prevention")

    problem: str
    severity: Severity
    symptoms: tuple[Symptom, ...]
    diagnosis: tuple[AnyCheck, ...]
    resolution: tuple[Part, ...]
    prevention: tuple[Watch, ...]
    clock: Clock | None = None

    @property
    def about(self) -> str:
        return self.problem

    @property
    def urgency(self) -> str:
        return self.severity.value

    @property
    def begins(self) -> str:
        return f"somebody looks {self.severity.meaning}"

    @property
    def when(self) -> dict[str, str]:
        return {"Severity": self.urgency}

    @property
    def noticed(self) -> tuple[Symptom, ...]:
        return self.symptoms

    @property
    def watched(self) -> tuple[Watch, ...]:
        return self.prevention

    @property
    def first_asked(self) -> tuple[AnyCheck, ...]:
        return self.diagnosis

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.resolution

    def _contradictions(self) -> Iterator[str]:
        yield from self._shape_contradictions()
        yield from self._asked_contradictions("diagnosis", self.diagnosis)
        if self.parameters:
            yield "a runbook takes no `parameters`: an alert could not fill them in. Make it a Playbook."
        yield from self._part_contradictions()
        for part in self.resolution:
            if part.when is None:
                yield f"step {part.title!r} waits for no check. Name the one that calls for it: when=check_…"
            elif part.when not in self.diagnosis:
                yield f"step {part.title!r} waits for {part.when.name}, which the diagnosis never asks. Ask it there."
        yield from self._verb_contradictions()
        yield from self._at_once_contradictions()
        yield from self._watch_contradictions()
        yield from self.clock.contradictions(self.action_steps) if self.clock else ()
        yield from self._drill_contradictions(self.diagnosis)

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
            if watch.told_after < 1:
                yield f"the watch on {watch.check.name} has told_after={watch.told_after}. Give it 1 or more."
            if watched.count(watch.check) > 1:
                yield f"{watch.check.name} is watched twice. Remove one."
