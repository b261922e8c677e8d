"""One fixer per target: incidents that would change the same system take turns; each looks again in its own turn."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from flows.case.case import Case
from tasks.action import Action

# Whoever has waited longer for another incident is asked again: what they approved was for then.
PATIENCE_S = 900.0


class Turn:
    """The right to change an action's systems: taken once somebody has approved, given back when it is done.

    Never held while a person is asked. An emergency `waits` for nobody's turn: what it does is one small thing.
    """

    missed = (
        f"The approval is void, because another incident was changing the same system for {PATIENCE_S / 60:g} minutes. "
        "Look what it does (incident timeline), then answer again."
    )

    def __init__(self, case: Case, action: Action, *, waits: bool = True) -> None:
        self._case = case
        self._targets = targets(case, action) if waits else []
        self._held = ExitStack()
        self._taken = False

    def take(self) -> bool:
        """Wait for it; False if it did not come. Taken already, it stays so."""
        if not self._taken:
            self._taken = self._held.enter_context(self._case.log.turns(self._targets, PATIENCE_S))
        return self._taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()


def targets(case: Case, action: Action) -> list[str]:
    """What the action changes: the environment's systems it asks for, by name."""
    place = case.environment
    wanted = place.supply(action.plan).values()
    return [f"{place.name}/{name}" for name, system in place.systems.items() if any(system is one for one in wanted)]
