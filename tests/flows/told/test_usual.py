"""Is what is usual told by the weeks before, and said so that it can be read aloud?"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from flows.journal.series import Hour
from flows.told.usual import TooFew, Usual, band, compared, usual_at
from tests.flows.journal.conftest import Roles
from tests.flows.journal.test_series import LAG, NOON, write


def hour(day: int = 3, of_day: int = 12, median: float = 0.4, spread: float = 0.02, weeks: int = 4) -> Hour:
    return Hour(day=day, hour=of_day, median=median, spread=spread, number=weeks * 12, weeks=weeks)


@pytest.mark.parametrize(("weeks", "enough"), [(1, False), (3, False), (4, True), (12, True)])
def test_it_wants_four_weeks(weeks: int, enough: bool) -> None:
    found = usual_at([hour(weeks=weeks)], NOON, "UTC")
    assert isinstance(found, Usual) is enough
    assert len(band([hour(weeks=weeks)])) == enough
    if not enough:
        assert str(found) == f"{weeks} of the 4 weeks that it takes to say what is usual at this hour"


def test_it_tells_the_hour_by_the_clock_on_the_wall() -> None:
    assert isinstance(usual_at([hour(of_day=13)], NOON, "Europe/Berlin"), Usual)
    assert usual_at([hour(of_day=13)], NOON, "UTC") == TooFew(weeks=0)
    assert isinstance(usual_at([hour(of_day=14)], datetime(2026, 7, 1, 12, tzinfo=UTC), "Europe/Berlin"), Usual)


def test_it_is_moved_by_no_single_bad_night(roles: Roles) -> None:
    """Twelve weeks of around 400 ms, and one of 60 s."""
    chance = random.Random(7)  # noqa: S311 - the same numbers each time
    rows = [
        (NOON - timedelta(weeks=week, minutes=5 * n), chance.gauss(0.4, 0.03) if week != 5 else 60.0, "OK")
        for week in range(1, 13)
        for n in range(12)
    ]
    series = write(roles, *[row for row in rows if row[0] > NOON - timedelta(weeks=12)])
    found = usual_at(series.week(LAG, NOON, "UTC"), NOON - timedelta(minutes=30), "UTC")
    assert isinstance(found, Usual)
    assert 0.38 < found.median < 0.42
    assert 0.25 < found.low < 0.36
    assert 0.44 < found.high < 0.55
    assert (found.weeks, found.number) == (11, 121)
    assert compared(1.2, found, "s") == f"three times the usual {1000 * found.median:.0f} ms"


USUAL = Usual(low=0.3, median=0.4, high=0.5, number=48, weeks=4)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.4, "as usual (300 to 500 ms)"),
        (0.5, "as usual (300 to 500 ms)"),
        (0.51, "more than usual (300 to 500 ms)"),
        (0.8, "twice the usual 400 ms"),
        (1.2, "three times the usual 400 ms"),
        (40.0, "100 times the usual 400 ms"),
        (0.29, "less than usual (300 to 500 ms)"),
        (0.2, "half the usual 400 ms"),
        (0.13, "a third of the usual 400 ms"),
        (0.04, "a tenth of the usual 400 ms"),
        (0.001, "less than a tenth of the usual 400 ms"),
        (0.0, "less than usual (300 to 500 ms)"),
    ],
)
def test_it_says_how_a_number_compares(value: float, said: str) -> None:
    assert compared(value, USUAL, "s") == said


def test_it_says_nothing_in_times_of_nothing() -> None:
    never = Usual(low=0, median=0, high=0, number=48, weeks=4)
    assert compared(3, never, "rows") == "more than usual (0 rows)"
    assert compared(0, never, "rows") == "as usual (0 rows)"
    below = band([hour(median=-5.0, spread=1.0)])[3, 12]
    assert below.low < -5
    assert compared(9.0, below, "") == "more than usual (-9.45 to -0.552)"
