"""Objective: what is promised of a place, as a share of time in which a check's answer is good."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tasks.model import Verdict

OK, NOT_BAD = "OK", "not BAD"
_RULE = re.compile(r"value\s*(<=|>=|<|>)\s*(\S+)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _good(rule: str) -> str:
    found = _RULE.fullmatch(rule.strip())
    try:
        finite = found is not None and math.isfinite(float(found[2]))
    except ValueError:
        finite = False
    if rule not in (OK, NOT_BAD) and not finite:
        raise ValueError(
            f'write "{OK}" (nothing else is good), "{NOT_BAD}" (a warning is good, too), or a rule in the unit of the '
            'check, like "value < 0.2"'
        )
    return rule


def _share(target: float) -> float:
    if not 0 < target < 1:
        raise ValueError("write a share below 1, like 0.999 for 99.9 %; all of the time would leave no budget")
    return target


class Objective(BaseModel):
    """What share of the last `window_days` the answers of `check` are to be good in; with `fact`, a number among them.

    `good` is a rule on the number, in its base unit, or on the verdict. An answer that could not be had is neither
    good nor bad.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    check: Annotated[str, Field(pattern="^check_")]
    fact: str = ""
    good: Annotated[str, AfterValidator(_good)] = OK
    target: Annotated[float, AfterValidator(_share)]
    # The journal keeps ninety days point by point.
    window_days: Annotated[int, Field(ge=1, le=90)] = 30

    def holds(self, value: float | None, verdict: Verdict) -> bool | None:
        """Is this answer good? None: it says nothing of it."""
        if verdict is Verdict.UNKNOWN:
            return None
        if self.good == OK:
            return verdict is Verdict.OK
        if self.good == NOT_BAD:
            return verdict is not Verdict.BAD
        if value is None:
            # What is down has no latency, and is not fast.
            return False if verdict is Verdict.BAD else None
        found = _RULE.fullmatch(self.good.strip())
        return None if found is None else _COMPARE[found[1]](value, float(found[2]))


def named_apart(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    names = [one.name for one in objectives]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two objectives are called {twice[0]!r}; give each a name of its own")
    return objectives
