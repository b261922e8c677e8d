"""Playbook and Maintenance: work that is planned, not an emergency. Data only, as a Runbook is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from runbooks.model import AnyCheck, Declared, Part
from runbooks.window import Window
from tasks.model import Risk, Verdict
from tasks.parameters import systems_of, thresholds_of


@dataclass(frozen=True, kw_only=True)
class Playbook(Declared):
    """A piece of work: may it begin, its steps one after the other, and how it is seen to have worked.

    Begun only when every prerequisite answers OK or WARN. A `Step` goes through the gate; a `Manual` waits there until
    somebody signs it off. `success` is verified as an incident's recovery is.
    """

    kind: ClassVar[str] = "playbook"
    flow: ClassVar[str] = "playbook"
    # A playbook's steps are called for by nothing.
    calls: ClassVar[frozenset[Verdict]] = frozenset()
    _needed: ClassVar[tuple[str, ...]] = ("purpose", "keywords", "prerequisites", "steps", "success")
    _tuples: ClassVar[tuple[str, ...]] = ("prerequisites", "steps", "success")

    purpose: str
    prerequisites: tuple[AnyCheck, ...]
    steps: tuple[Part, ...]
    success: tuple[AnyCheck, ...]

    @property
    def about(self) -> str:
        return self.purpose

    @property
    def first_asked(self) -> tuple[AnyCheck, ...]:
        return self.prerequisites

    @property
    def checks(self) -> tuple[AnyCheck, ...]:
        return tuple(dict.fromkeys([*self.prerequisites, *self.success]))

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.steps

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        yield from self._asked_contradictions("prerequisites", self.prerequisites)
        yield from self._asked_contradictions("success", self.success)
        for part in self.parts:
            if part.when is not None:
                yield (
                    f"step {part.title!r} waits for {part.when.name}, but a playbook's steps are taken in their order. "
                    "Remove `when`; ask it as a prerequisite if the work depends on it."
                )
        if self.drills:
            yield "a playbook has no fault to rehearse. Remove `drills`, or make it a Runbook."
        yield from self._parameter_contradictions()

    def _parameter_contradictions(self) -> Iterator[str]:
        names = [parameter.name for parameter in self.parameters]
        verbs = [verb for s in self.action_steps for verb in (s.action.plan, s.action.apply, s.action.applied)]
        callables = [*verbs, *(asked.fn for asked in self.checks)]
        for parameter in self.parameters:
            yield from parameter.contradictions()
            if names.count(parameter.name) > 1:
                yield f"parameter {parameter.name!r} is declared twice. Remove one."
            if not any(parameter.name in inspect.signature(fn).parameters for fn in callables):
                yield f"parameter {parameter.name!r} is taken by no step and no check. Remove it, or take it there."
            for fn in callables:
                if parameter.name in {*systems_of(fn), *thresholds_of(fn), "earlier", "time_zone"}:
                    yield (
                        f"parameter {parameter.name!r} would take the place of a system or a limit of "
                        f"{fn.__qualname__}. Call it something else."
                    )


@dataclass(frozen=True, kw_only=True)
class Maintenance(Declared):
    """Work that comes again: asked at each opening of the window whether it is due, and done in it.

    A step whose plan's risk is at most `unattended` is approved by this declaration itself, inside the window only; any
    other goes through the gate, and so does every step of a run begun by hand outside the window. Nothing is begun
    after the window's end: an opening that was missed is made up while the window still is open, and recorded as missed
    if it is not. A step is due when its check answers WARN or BAD; without `when`, whenever its plan finds
    something to do.
    """

    kind: ClassVar[str] = "maintenance"
    flow: ClassVar[str] = "maintenance"
    by_schedule: ClassVar[bool] = True
    # Care that waits for BAD comes too late: BAD has woken somebody.
    calls: ClassVar[frozenset[Verdict]] = frozenset({Verdict.WARN, Verdict.BAD})
    _needed: ClassVar[tuple[str, ...]] = ("purpose", "keywords", "diagnosis", "steps")
    _tuples: ClassVar[tuple[str, ...]] = ("prerequisites", "diagnosis", "steps")

    purpose: str
    window: Window
    unattended: Risk | None = Risk.LOW
    prerequisites: tuple[AnyCheck, ...] = ()
    diagnosis: tuple[AnyCheck, ...]
    steps: tuple[Part, ...]

    @property
    def about(self) -> str:
        return self.purpose

    @property
    def begins(self) -> str:
        return f"{self.window}, in the environment's time"

    @property
    def when(self) -> dict[str, str]:
        return {"Window": str(self.window)}

    @property
    def cron(self) -> str:
        return self.window.cron

    @property
    def first_asked(self) -> tuple[AnyCheck, ...]:
        return tuple(dict.fromkeys([*self.prerequisites, *self.diagnosis]))

    @property
    def concerns(self) -> tuple[AnyCheck, ...]:
        return self.diagnosis

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.steps

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        yield from self._asked_contradictions("prerequisites", self.prerequisites)
        yield from self._asked_contradictions("diagnosis", self.diagnosis)
        yield from self.window.contradictions()
        if self.unattended is Risk.HIGH:
            yield "`unattended` is HIGH: what can hurt that much is never done without a person. Write LOW or MODERATE."
        if self.parameters:
            yield "a maintenance takes no `parameters`: nobody is there to fill them in. Make it a Playbook."
        for part in self.parts:
            if part.when is not None and part.when not in self.diagnosis:
                yield (
                    f"step {part.title!r} waits for {part.when.name}, which the diagnosis never asks. "
                    "Add it to `diagnosis`."
                )
        yield from self._drill_contradictions(self.diagnosis)
