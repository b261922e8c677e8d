"""How long requests took, as percentiles, each with what so many requests can tell about it.

The bounds are measured ones: of n requests the number that lie below the true percentile is binomial, so two of them,
taken in order, enclose it in 95 of 100 cases, whatever the times look like (Conover, Practical Nonparametric
Statistics, 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Two and a half of a hundred on each side.
TAIL = 0.025


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """The nearest rank of `number` samples, in seconds, and the two samples between which the true one lies (95 %).

    None where there is no such sample: of forty requests none can be said to lie above the 99th percentile.
    """

    share: float
    number: int
    value_s: float
    least_s: float | None
    most_s: float | None

    def __str__(self) -> str:
        least = f"{self.least_s:.3g}" if self.least_s is not None else "?"
        most = f"{self.most_s:.3g}" if self.most_s is not None else "?"
        return f"p{self.share * 100:g} {self.value_s:.3g} s ({least} to {most})"


def quantile(ordered: Sequence[float], share: float) -> Quantile:
    """Of samples in order, at least one."""
    number = len(ordered)
    low, high = ranks(number, share)
    return Quantile(
        share=share,
        number=number,
        value_s=ordered[max(0, math.ceil(share * number) - 1)],
        least_s=ordered[low - 1] if low else None,
        most_s=ordered[high - 1] if high else None,
    )


def ranks(number: int, share: float) -> tuple[int, int]:
    """The ranks, from one, that enclose the percentile; zero where there is none."""
    passed, low, high = 0.0, 0, 0
    log_share, log_rest = math.log(share), math.log1p(-share)
    # Summed around the middle only: of a million terms nearly all are zero.
    reach = 10 * math.sqrt(number * share * (1 - share)) + 20
    for k in range(max(0, math.floor(number * share - reach)), min(number, math.ceil(number * share + reach)) + 1):
        passed += math.exp(
            math.lgamma(number + 1) - math.lgamma(k + 1) - math.lgamma(number - k + 1)
            + k * log_share + (number - k) * log_rest
        )  # fmt: skip
        # P(fewer than `low` below it) stays within the tail, and so does P(`high` or more).
        if passed <= TAIL:
            low = k + 1
        if passed >= 1 - TAIL:
            high = k + 1
            break
    return low, high if high <= number else 0
