"""Fault: a way to break a lab or staging system on purpose, and to mend it again."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from tasks.environment import Environment, Kind
from tasks.parameters import systems_of
from tasks.system import System


class RefusesProduction(Exception):
    """A fault was asked for where customers live."""


class InvalidFault(Exception):
    """A fault contradicts itself; the message says where and how to mend it."""


class Fault(ABC):
    """Breaks the systems named by the types of `cause`'s parameters. Use it through `during`, which always cures."""

    @abstractmethod
    def cause(self, *args: Any, **systems: Any) -> Any:
        """Break it; return what `cure` needs to know."""

    @abstractmethod
    def cure(self, trouble: Any) -> None:
        """Mend what `cause` broke, whether or not somebody mended part of it already."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not (cls.__doc__ or "").strip():
            raise InvalidFault(
                f"{cls.__module__}.{cls.__qualname__}: the docstring's first line is the drill's title; "
                "write an order, 'Leave …'."
            )

    @property
    def title(self) -> str:
        return inspect.cleandoc(type(self).__doc__ or "").splitlines()[0].removesuffix(".")

    @property
    def systems(self) -> dict[str, type[System]]:
        return systems_of(self.cause)

    @final
    def refuse_production(self, environment: Environment) -> None:
        """Say no before anything else is asked for.

        Raises:
            RefusesProduction: the environment is neither lab nor staging.
        """
        if environment.kind not in (Kind.LAB, Kind.STAGING):
            raise RefusesProduction(
                f"{type(self).__name__} breaks things; {environment.name} is {environment.kind}. "
                "Drills run in lab and staging environments only."
            )

    @final
    @contextmanager
    def during(self, environment: Environment) -> Iterator[None]:
        """Break `environment` for the length of the block.

        Raises:
            RefusesProduction: the environment is neither lab nor staging.
            Refused: a system the fault needs is not configured.
        """
        self.refuse_production(environment)
        trouble = self.cause(**environment.supply(self.cause))
        try:
            yield
        finally:
            self.cure(trouble)
