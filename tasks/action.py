"""Action: a change with four verbs - plan, apply, applied, undo."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from tasks.mandate import Mandate
from tasks.model import Command, NoWayBack, Outcome, Plan, Risk
from tasks.parameters import systems_of
from tasks.system import System


class InvalidAction(Exception):
    """An action contradicts itself; the message says where and how to mend it."""


class Action(ABC):
    """A change to systems, named by the types of `plan`'s parameters; `apply` and `applied` take the same ones.

    `undo` is a sentence about what is lost, or a method that turns what was done into the action that takes it back. It
    gets the plan, with the commands that were done of it, and the outcome as it was recorded: without rows where the
    process that acted died before it could tell.
    """

    undo: ClassVar[NoWayBack | Callable[..., Action]]
    # A plan that touches more than this share of what there is takes two people in production. None: its risk decides.
    two_people_above: ClassVar[float | None] = None
    # May it do less than its plan, target by target? Then what was approved and is still there is done although others
    # have come; those are asked about in a round of their own. Only where each command stands for itself.
    narrows: ClassVar[bool] = False
    # What it may do before anybody has looked. None: never unseen.
    mandate: ClassVar[Mandate | None] = None

    @abstractmethod
    def plan(self, *args: Any, **systems: Any) -> Plan:
        """Ask the system now: exactly what would be done, and how much of it. Reads only.

        A Threshold it takes by the same name as the check that calls for the step carries that check's limit, so that
        both mean the same sick things wherever an environment has limits of its own.
        """

    @abstractmethod
    def apply(self, *args: Any, **systems: Any) -> Outcome:
        """Do exactly what the plan's commands say, and nothing else."""

    @abstractmethod
    def applied(self, *args: Any, **systems: Any) -> bool | None:
        """Has this plan been done? None when it cannot be told. Reads only."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What names ABC itself is a base for actions, and none yet.
        if ABC in cls.__bases__:
            return
        where = f"{cls.__module__}.{cls.__qualname__}"
        if not (cls.__doc__ or "").strip():
            raise InvalidAction(f"{where}: the docstring's first line is the step's title; write an order, 'End …'.")
        if not hasattr(cls, "undo"):
            raise InvalidAction(
                f"{where}: no way back is declared. Add `undo = NoWayBack(loses=…)` or a method `undo`."
            )
        if cls.mandate is not None and isinstance(cls.undo, NoWayBack):
            raise InvalidAction(
                f"{where}: it has a `mandate`, and no way back. What is done before anybody has looked may be a "
                "mistake: give it a method `undo`, or take the mandate away."
            )
        if not isinstance(cls.undo, NoWayBack) and not (cls.undo.__doc__ or "").strip():
            raise InvalidAction(
                f"{where}.undo: the docstring's first line is what a person reads about taking it back; add one."
            )
        if not isinstance(cls.undo, NoWayBack) and not _takes(cls.undo, "self", "plan", "outcome"):
            raise InvalidAction(
                f"{where}.undo: it gets the plan and what became of it. Write "
                "`def undo(self, plan: Plan, outcome: Outcome) -> Action`."
            )

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def title(self) -> str:
        """The docstring's first line."""
        return inspect.cleandoc(type(self).__doc__ or "").splitlines()[0].removesuffix(".")

    @property
    def notes(self) -> str:
        """The rest of the docstring: who notices, and what stays untouched."""
        return "\n".join(inspect.cleandoc(type(self).__doc__ or "").splitlines()[1:]).strip()

    @property
    def systems(self) -> dict[str, type[System]]:
        return systems_of(self.plan)

    @property
    def way_back(self) -> str:
        """What a person reads about taking it back."""
        if isinstance(self.undo, NoWayBack):
            return f"No way back. {self.undo.loses}"
        return inspect.cleandoc(self.undo.__doc__ or "").splitlines()[0]

    def people(self, plan: Plan) -> int:
        """How many different people `plan` takes in production, by what it can hurt and how much it touches."""
        radius = plan.blast_radius
        wide = self.two_people_above is not None and radius.touched > self.two_people_above * max(radius.total, 1)
        return 2 if plan.risk is Risk.HIGH or wide else 1

    def beyond(self, fresh: Plan, approved: Plan) -> list[Command]:
        """The commands of `fresh` that were not approved with `approved`."""
        more = fresh.exceeds(approved)
        return [command for command in fresh.commands if command.effect in more]

    def undoing(self, plan: Plan, outcome: Outcome) -> Action | None:
        """The action that takes back what was done of `plan`, or None where nothing was, or there is no way back."""
        done = outcome.done_of(plan)
        return None if isinstance(self.undo, NoWayBack) or not done.commands else self.undo(done, outcome)


def _takes(verb: Callable[..., object], *given: str) -> bool:
    try:
        inspect.signature(verb).bind(*given)
    except TypeError:
        return False
    return True
