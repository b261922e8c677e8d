"""System: a typed door to one thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from tasks.model import Finding, Verdict
from tasks.toml import InvalidConfig


class System(BaseModel):
    """A typed door to one thing. Subclasses carry the settings and the only code that knows the vendor.

    `kind` is the name used in `environments.toml`; `config_lines` are the lines to add when it is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    config_lines: ClassVar[str]
    registry: ClassVar[dict[str, type[System]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _refuse_taken(cls)
            System.registry[cls.kind] = cls

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks: reachable, with which rights, what is missing. Reads only."""
        yield Finding.unknown(
            f"Nobody knows how {self.kind} is: its system.py has no `examine`.",
            remedy=f"Give {type(self).__name__} a method `examine` that yields Findings.",
        )


class Unusable(System):
    """Stands where a system is configured whose own file cannot be used. Whoever wants it is told why."""

    says: str

    def examine(self) -> Iterator[Finding]:
        yield Finding(verdict=Verdict.BAD, says=self.says)


def _refuse_taken(cls: type[System]) -> None:
    """Two systems of one kind would replace each other in silence; the same class, loaded again, is no second one."""
    first = System.registry.get(cls.kind)
    if first and (first.__module__, first.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InvalidConfig(
            f"{cls.__module__}.{cls.__qualname__}: the kind {cls.kind!r} is taken by "
            f"{first.__module__}.{first.__qualname__}. Choose another."
        )
