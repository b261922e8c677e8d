"""Percentiles with bounds that hold, whatever the times look like."""

from __future__ import annotations

import math
import random

import pytest

from tasks.requests.quantile import quantile, ranks


@pytest.mark.parametrize(
    ("number", "share", "expected"),
    [
        # Of the binomial distribution: with ten samples the median lies between the second and the ninth (97.9 %).
        (10, 0.5, (2, 9)),
        # 0.95^72 = 0.0249: below 72 samples none can be said to lie above the 95th percentile.
        (71, 0.95, (63, 0)),
        (72, 0.95, (64, 72)),
        (100, 0.95, (90, 100)),
        (1, 0.5, (0, 0)),
    ],
)
def test_it_takes_the_ranks_that_a_table_of_the_binomial_distribution_gives(
    number: int, share: float, expected: tuple[int, int]
) -> None:
    assert ranks(number, share) == expected


def test_the_bounds_hold_the_true_one_in_95_of_100() -> None:
    chance = random.Random(7)  # noqa: S311 - the same times each time
    truth = -math.log(0.05)  # of an exponential distribution with mean one
    held = 0
    for _ in range(1000):
        one = quantile(sorted(chance.expovariate(1) for _ in range(200)), 0.95)
        assert one.least_s is not None
        assert one.most_s is not None
        held += one.least_s <= truth <= one.most_s
    assert held >= 940


def test_it_says_what_it_does_not_know() -> None:
    one = quantile([float(n) for n in range(1, 41)], 0.99)
    assert (one.value_s, one.most_s) == (40.0, None)


def test_a_million_samples_take_no_time() -> None:
    low, high = ranks(1_000_000, 0.99)
    assert 989_790 < low < 990_000 < high < 990_210
