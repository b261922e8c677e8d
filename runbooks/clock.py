"""By when each stage of a long recovery is to be done, and all of it: what is late is told to people, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tasks.action import Action


class Taken(Protocol):
    """A step, by what it does."""

    @property
    def action(self) -> Action: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Some of the steps, and how long they may take together. Without steps it is the verification."""

    title: str
    takes: timedelta
    steps: tuple[type[Action], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The stages one after the other, from the moment the incident was opened, and `within` which all is to be done.

    A stage for whose steps nothing calls is left out, with its time.
    """

    stages: tuple[Stage, ...]
    within: timedelta
    because: str

    def contradictions(self, steps: Sequence[Taken]) -> Iterator[str]:
        """What of it does not fit a runbook of these steps."""
        there = {type(step.action) for step in steps}
        for stage in self.stages:
            for action in stage.steps:
                if action not in there:
                    yield f"stage {stage.title!r} waits for {action.__name__}, which is no step here. Add the step."
        if sum((stage.takes for stage in self.stages), timedelta(0)) > self.within:
            yield f"the stages take longer together than the {self.within} that all may take."
        if not self.because.strip():
            yield "the clock has no `because`. Say whose times they are."
