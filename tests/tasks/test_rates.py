"""A rate over nothing or over too few is never judged as if it were one, and never silently healthy."""

from __future__ import annotations

import pytest

from tasks.model import Threshold, Verdict
from tasks.rates import Rate, percent

FAILED = Threshold(warn=0.01, bad=0.05, because="Of attempts.")
DELIVERED = Threshold(warn=0.95, bad=0.90, because="Lower is worse.")
EVENTS = Threshold(warn=2, bad=5, because="Below 200 recipients they are counted.")


@pytest.mark.parametrize(
    ("part", "whole", "verdict"),
    [
        (0, 0, Verdict.OK),
        (1, 20, Verdict.OK),  # 5 %, and an accident
        (3, 49, Verdict.OK),
        (7, 49, Verdict.WARN),  # even the kinder bound is over 5 %
        (10, 10, Verdict.WARN),
        (0, 50, Verdict.OK),
        (1, 50, Verdict.WARN),
        (3, 50, Verdict.BAD),
        (99, 10_000, Verdict.OK),
        (100, 10_000, Verdict.WARN),
        (500, 10_000, Verdict.BAD),
    ],
)
def test_it_judges_from_the_minimum_up(part: int, whole: int, verdict: Verdict) -> None:
    assert Rate(part=part, whole=whole, least=50).judge(FAILED) is verdict


@pytest.mark.parametrize(
    ("part", "whole", "verdict"),
    [(0, 0, Verdict.OK), (8, 10, Verdict.OK), (2, 10, Verdict.WARN), (47, 50, Verdict.WARN), (44, 50, Verdict.BAD)],
)
def test_it_judges_where_less_is_worse(part: int, whole: int, verdict: Verdict) -> None:
    assert Rate(part=part, whole=whole, least=50).judge(DELIVERED) is verdict


@pytest.mark.parametrize(
    ("part", "whole", "verdict"),
    [(1, 5, Verdict.OK), (2, 5, Verdict.WARN), (4, 199, Verdict.WARN), (5, 199, Verdict.BAD), (5, 200, Verdict.WARN)],
)
def test_it_counts_events_below_the_minimum_where_they_have_limits(part: int, whole: int, verdict: Verdict) -> None:
    """1-7: one bounce is 20 % at five mails a day."""
    limits = Threshold(warn=0.02, bad=0.05, because="Hard bounces.")
    assert Rate(part=part, whole=whole, least=200).judge(limits, EVENTS) is verdict


def test_it_says_that_it_did_not_judge() -> None:
    assert Rate(part=0, whole=0, least=50).says("attempts") == "none of no attempts (nothing to judge)"
    assert Rate(part=1, whole=7, least=50).says("mails") == "1 of 7 mails (too few to judge: 50 are needed)"
    assert Rate(part=5, whole=1200, least=50).says("mails") == "0.42% of 1,200 mails"
    assert Rate(part=0, whole=0, least=50).value is None
    assert [percent(ratio) for ratio in (0, 0.0008, 0.0999, 0.35)] == ["0%", "0.08%", "9.99%", "35%"]


def test_it_knows_between_which_bounds_a_rate_may_lie() -> None:
    """1-7: one in forty may be anything from 0.4 to 12.9 % (95 % on both sides)."""
    one = Rate(part=1, whole=40, least=1)
    assert 0.004 < one.at_least < 1 / 40 < one.at_most < 0.129
    assert (Rate(part=0, whole=9, least=1).at_least, Rate(part=9, whole=9, least=1).at_most) == (0, 1)
