"""How fast something grows, from a few remembered looks at it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tasks.model import Json

Look = tuple[float, float]

# Two looks are a jump; three can be a trend.
ENOUGH_LOOKS = 3


def looks(told: Json) -> list[Look]:
    """What earlier facts hold, as (Unix time in seconds, amount), oldest first; empty if they hold no such thing."""
    pairs = [pair for pair in told if isinstance(pair, list | tuple)] if isinstance(told, list | tuple) else []
    known = [(a, b) for a, b in (pair for pair in pairs if len(pair) == 2) if _number(a) and _number(b)]
    return sorted((float(str(at_s)), float(str(amount))) for at_s, amount in known)


def with_look(before: Sequence[Look], at_s: float, amount: float, *, every_s: float, kept: int) -> list[Look]:
    """`before` and this look. Looks that follow each other within `every_s` count once, so that `kept` reach back far.

    A look that claims to be from the future (the clock was set back) is forgotten.
    """
    past = [look for look in before if look[0] < at_s]
    spaced = past[:-1] if len(past) > 1 and past[-1][0] - past[-2][0] < every_s else past
    return [*spaced[-(kept - 1) :], (at_s, amount)]


def per_second(known: Sequence[Look], *, at_least_s: float) -> float | None:
    """The pace it kept for half of the time; None if the looks are too few or span less than `at_least_s`.

    The median, weighted by time, of the slopes from look to look: one bulk load or clean-up is not taken for a trend.
    """
    if len(known) < ENOUGH_LOOKS or known[-1][0] - known[0][0] < at_least_s:
        return None
    slopes = sorted(((b[1] - a[1]) / (b[0] - a[0]), b[0] - a[0]) for a, b in itertools.pairwise(known) if b[0] > a[0])
    half_s = sum(time_s for _, time_s in slopes) / 2
    passed_s = itertools.accumulate(time_s for _, time_s in slopes)
    return next(slope for (slope, _), so_far_s in zip(slopes, passed_s, strict=True) if so_far_s >= half_s)


def seconds_until(limit: float, known: Sequence[Look], *, at_least_s: float) -> float | None:
    """When `limit` is reached if it goes on like this, counted from the last look; None if it does not grow."""
    rate = per_second(known, at_least_s=at_least_s)
    if rate is None or rate <= 0:
        return None
    return max(0.0, limit - known[-1][1]) / rate


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
