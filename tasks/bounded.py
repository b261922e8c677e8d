"""Bounded: a change to a set that is too large to list, and that moves while people look at it.

Six hundred failed jobs are approved by what they have in common: "jobs that failed until 02:14, at most 600, for this
reason". So described, a set can only shrink: whatever fails later has a later moment. What is done stays within the
description that was approved; what came since is described anew, and asked about in a round of its own (flows/step/
narrow.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from tasks.action import Action
from tasks.model import Command, Plan, Row, canonical


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Which elements are meant: all that are `of` this, from the oldest to `until`, `most` at most.

    `of` is what they have in common, and every word that finds them again: {"queue": "emails", "reason": "refused"}.
    `until` is the moment of the newest of them that was seen, never the clock's: then a set in which nothing happened
    is described in the same words. Its unit is the system's, so that it is compared there as it is.

    Raises:
        ValueError: `most` is less than one.
    """

    of: Row
    until: int
    most: int

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"Bounds: `most` is {self.most}. A description of nothing is no command: leave it out.")

    @property
    def target(self) -> Row:
        return {"of": dict(self.of), "until": self.until, "most": self.most}

    @classmethod
    def of_command(cls, command: Command) -> Bounds:
        """What a plan's command describes.

        Raises:
            ValueError: its target is no description.
        """
        match command.target:
            case {"of": dict(of), "until": int(until), "most": int(most)}:
                return cls(of=of, until=until, most=most)
        raise ValueError(f"Bounds: {dict(command.target)} is no description. Give the command `Bounds(…).target`.")

    def covers(self, other: Bounds) -> bool:
        """Is all that `other` describes meant here, too?"""
        same = canonical(dict(self.of)) == canonical(dict(other.of))
        return same and other.until <= self.until and other.most <= self.most


class Bounded(Action, ABC):
    """An action whose commands are descriptions: each has the target of its `Bounds`.

    `apply` never goes beyond them, however often it is called: it takes what is there and fits, and counts it.
    """

    narrows: ClassVar[bool] = True

    @abstractmethod
    def within(self, approved: Plan, **systems: Any) -> Plan:
        """Ask the system now: the commands of `approved` that still describe something, and how much. Reads only."""

    def beyond(self, fresh: Plan, approved: Plan) -> list[Command]:
        allowed = [Bounds.of_command(command) for command in approved.commands]
        return [c for c in fresh.commands if not any(one.covers(Bounds.of_command(c)) for one in allowed)]
