"""Limits that a series suggests: what was rare, and what was never seen.

A limit is a fact about the world, and history is none: it only shows what a limit would cost in alarms. So nothing is
suggested from few numbers, and the reason is left for a person to write.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from tasks.model import Threshold

# Fewer say nothing of what happens once in a thousand times.
FEWEST_POINTS = 1000
FEWEST_DAYS = 14
# A warning once in two hundred answers is one in sixteen hours, asked every five minutes.
WARNS_ABOVE = 0.995
# Twice as far from the middle. What was worse still were faults, most likely: they are to be found, not to be allowed.
BAD_BEYOND = 2.0


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """What history says of a limit; shares are of all numbers. `limit` is None where nothing can be suggested."""

    percentiles: dict[str, float]
    warned: float
    bad: float
    limit: tuple[float, float] | None
    would_warn: float
    would_be_bad: float
    why_not: str = ""


def suggest(values: Sequence[float], days: float, limit: Threshold) -> Suggested:
    """From `values` of so many days, for the limit that there is now."""
    rising = limit.bad > limit.warn
    told = _percentiles(values, rising) if len(values) > 1 else {}
    warned, bad = _shares(values, limit.warn, limit.bad, rising)
    why_not = ""
    if len(values) < FEWEST_POINTS or days < FEWEST_DAYS:
        why_not = (
            f"{len(values):,} numbers of {days:.0f} days are too few to suggest a limit: it takes {FEWEST_POINTS:,} "
            f"of {FEWEST_DAYS} days."
        )
    elif min(values) == max(values):
        why_not = "It was never anything else, so nothing says what would be unusual."
    if why_not:
        return Suggested(
            percentiles=told, warned=warned, bad=bad, limit=None, would_warn=0.0, would_be_bad=0.0, why_not=why_not
        )
    warn_at, bad_at = _limits(values, rising)
    would_warn, would_be_bad = _shares(values, warn_at, bad_at, rising)
    return Suggested(
        percentiles=told,
        warned=warned,
        bad=bad,
        limit=(warn_at, bad_at),
        would_warn=would_warn,
        would_be_bad=would_be_bad,
    )


def _limits(values: Sequence[float], rising: bool) -> tuple[float, float]:
    """Warn where only the rarest are; be bad as far again from the middle."""
    sign = 1 if rising else -1
    worse = sorted(sign * value for value in values)
    middle, rare = worse[len(worse) // 2], worse[math.ceil(WARNS_ABOVE * len(worse)) - 1]
    rare = rare if rare > middle else worse[-1]
    warn_at = _rounded_up(rare)
    bad_at = _rounded_up(middle + BAD_BEYOND * (rare - middle))
    if bad_at <= warn_at:
        bad_at = _rounded_up(warn_at + max(abs(warn_at), 1e-9))
    return sign * warn_at, sign * bad_at


def _rounded_up(value: float) -> float:
    """To two digits, away from what was seen: nobody remembers 0.4173."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    # The power may be a little off; as text it is not.
    return float(f"{math.ceil(value / step - 1e-9) * step:.2g}")


def _percentiles(values: Sequence[float], rising: bool) -> dict[str, float]:
    cuts = quantiles(values, n=1000, method="inclusive")
    told = {"median": cuts[499], "95 %": cuts[949], "99 %": cuts[989], "99.9 %": cuts[998], "worst": max(values)}
    if rising:
        return told
    return {"median": cuts[499], "5 %": cuts[49], "1 %": cuts[9], "0.1 %": cuts[0], "worst": min(values)}


def _shares(values: Sequence[float], warn: float, bad: float, rising: bool) -> tuple[float, float]:
    sign = 1 if rising else -1
    is_bad = sum(sign * value >= sign * bad for value in values)
    is_warn = sum(sign * value >= sign * warn for value in values) - is_bad
    return (is_warn / len(values), is_bad / len(values)) if values else (0.0, 0.0)
