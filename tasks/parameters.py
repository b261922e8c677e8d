"""What a function asks for by its parameters: systems by their types, limits by their defaults."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable

from tasks.model import Threshold
from tasks.system import System


def systems_of(fn: Callable[..., object]) -> dict[str, type[System]]:
    """The parameters of `fn` that are systems, by name."""
    hints = typing.get_type_hints(fn)
    return {
        name: hints[name]
        for name in inspect.signature(fn).parameters
        if inspect.isclass(hints.get(name)) and issubclass(hints[name], System)
    }


def thresholds_of(fn: Callable[..., object]) -> dict[str, Threshold]:
    """The limits `fn` declares, by parameter name."""
    parameters = inspect.signature(fn).parameters.values()
    return {p.name: p.default for p in parameters if isinstance(p.default, Threshold)}
