"""Is a limit suggested by what was rare, and by no small number of numbers?"""

from __future__ import annotations

import random

import pytest

from flows.told.suggest import suggest
from tasks.model import Threshold

RISING = Threshold(warn=0.5, bad=1.0, because="Owner: nobody.")
FALLING = Threshold(warn=0.95, bad=0.9, because="Owner: nobody.")
CHANCE = random.Random(11)  # noqa: S311 - the same numbers each time
LATENCIES = [abs(CHANCE.gauss(0.3, 0.05)) for _ in range(5000)] + [2.0] * 20


def test_it_suggests_what_was_rare() -> None:
    found = suggest(LATENCIES, 30, RISING)
    assert found.limit
    warn, bad = found.limit
    assert 0.38 < warn < 0.5
    # The twenty of two seconds were faults: found, and not made room for.
    assert 0.5 < bad < 1.0
    assert found.would_warn <= 0.005
    assert found.would_be_bad == 20 / 5020
    assert found.bad == 20 / 5020
    assert (found.percentiles["worst"], round(found.percentiles["median"], 1)) == (2.0, 0.3)


def test_it_suggests_a_falling_limit_below() -> None:
    hits = [1 - abs(CHANCE.gauss(0, 0.002)) for _ in range(5000)]
    found = suggest(hits, 30, FALLING)
    assert found.limit
    warn, bad = found.limit
    assert bad < warn < min(hits[:100])
    assert (found.warned, found.bad) == (0.0, 0.0)
    assert list(found.percentiles) == ["median", "5 %", "1 %", "0.1 %", "worst"]
    Threshold(warn=warn, bad=bad, because="It can be written down.")


@pytest.mark.parametrize(
    ("values", "days", "says"),
    [
        ([], 0, "0 numbers of 0 days are too few"),
        ([0.1, 0.2] * 499, 30, "998 numbers of 30 days are too few to suggest a limit: it takes 1,000 of 14 days."),
        ([0.1, 0.2] * 2000, 13, "4,000 numbers of 13 days are too few"),
        ([0.1] * 2000, 30, "It was never anything else"),
    ],
)
def test_it_suggests_nothing_from_too_little(values: list[float], days: float, says: str) -> None:
    found = suggest(values, days, RISING)
    assert (found.limit, found.why_not[: len(says)]) == (None, says)


@pytest.mark.parametrize(
    "values",
    [[0.0] * 3000 + [1.0], [0.0] * 1000 + [-5.0] * 1000, [1e9, 2e9] * 1000, [1e-7, 3e-7] * 1000, [-1.0, 0.0] * 600],
)
@pytest.mark.parametrize("limit", [RISING, FALLING])
def test_it_suggests_limits_that_can_be_written_down(values: list[float], limit: Threshold) -> None:
    found = suggest(values, 30, limit)
    assert found.limit
    written = Threshold(warn=float(f"{found.limit[0]:g}"), bad=float(f"{found.limit[1]:g}"), because="As it is shown.")
    assert (written.bad > written.warn) is (limit.bad > limit.warn)
    assert found.would_be_bad <= 0.5
