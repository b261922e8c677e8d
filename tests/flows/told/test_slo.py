"""Is the budget right to the minute, and is somebody told in time?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from flows.journal.series import Point
from flows.told.slo import ALARMS, Standing, stand
from tasks.model import Verdict
from tasks.objective import Objective

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
UP = Objective(name="up", check="check_up", target=0.999)


def points(bad: Iterable[tuple[timedelta, timedelta]] = (), days: float = 30, every: timedelta = MINUTE) -> list[Point]:
    """One answer a minute until now; `bad` from so long ago until so long ago."""
    found = []
    stretches = [(NOW - since, NOW - until) for since, until in bad]
    for n in range(int(days * DAY / every), 0, -1):
        at = NOW - n * every
        is_bad = any(since <= at < until for since, until in stretches)
        found.append(Point(at=at, value=1.0, verdict=Verdict.BAD if is_bad else Verdict.OK))
    return found


def minutes(seconds: float) -> float:
    return round(seconds / 60, 3)


def rates(standing: Standing) -> list[tuple[float, float]]:
    return [(round(burn.long or 0, 2), round(burn.short or 0, 2)) for burn in standing.burns]


def test_it_has_a_budget_of_forty_three_minutes() -> None:
    """And who is told at 99.5 % is told when it has been spent five times over (the document's row 2-5)."""
    standing = stand(UP, points(), NOW)
    assert (minutes(standing.budget_s), minutes(standing.left_s), standing.share) == (43.2, 43.2, 1.0)
    assert standing.verdict is Verdict.OK
    spent = stand(UP, points([(20 * DAY, 20 * DAY - 216 * MINUTE)]), NOW)
    assert spent.share == pytest.approx(0.995)
    assert minutes(-spent.left_s) == 216 - 43.2
    assert spent.budget_s * 5 == pytest.approx(spent.bad_s)
    # Nothing burns any more, but the month is lost.
    assert (spent.verdict, rates(spent)) == (Verdict.WARN, [(0, 0), (0, 0)])


def test_it_spends_what_was_bad() -> None:
    standing = stand(UP, points([(3 * DAY, 3 * DAY - 10 * MINUTE), (HOUR * 30, HOUR * 30 - 5 * MINUTE)]), NOW)
    assert (minutes(standing.bad_s), minutes(standing.left_s)) == (15, 28.2)
    assert standing.share == pytest.approx(1 - 15 / 43_200)


@pytest.mark.parametrize(
    ("target", "days", "budget"), [(0.999, 30, 43.2), (0.99, 30, 432), (0.9999, 30, 4.32), (0.999, 7, 10.08)]
)
def test_it_knows_other_budgets(target: float, days: int, budget: float) -> None:
    objective = UP.model_copy(update={"target": target, "window_days": days})
    assert minutes(stand(objective, points(), NOW).budget_s) == budget


def test_its_alarms_spend_what_the_book_says() -> None:
    month = 30 * DAY
    assert [round(alarm.rate * (alarm.long / month), 4) for alarm in ALARMS] == [0.02, 0.05]
    assert [alarm.long / alarm.short for alarm in ALARMS] == [12, 12]


# A budget of a thousandth: of an hour's sixty answers one that is bad burns 16.7 times too fast.
@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        ([], Verdict.OK),
        # Down for one minute, which is over: the last five are good.
        ([(10 * MINUTE, 9 * MINUTE)], Verdict.OK),
        ([(2 * MINUTE, MINUTE)], Verdict.BAD),
        # Three minutes in six hours burn 8.3 times too fast; the last of them is of the last half hour.
        ([(5 * HOUR, 5 * HOUR - 2 * MINUTE), (20 * MINUTE, 19 * MINUTE)], Verdict.WARN),
        ([(5 * HOUR, 5 * HOUR - 3 * MINUTE)], Verdict.OK),
    ],
)
def test_it_tells_while_it_burns_and_no_longer(bad: list[tuple[timedelta, timedelta]], verdict: Verdict) -> None:
    assert stand(UP, points(bad), NOW).verdict is verdict


def test_it_burns_at_the_very_rate() -> None:
    """14.4 times a budget of 1 % is 14.4 % of an hour."""
    loose = UP.model_copy(update={"target": 0.99})
    every = timedelta(seconds=3.6)  # a thousandth of an hour
    at_rate = points([(144 * every, timedelta())], days=2, every=every)
    standing = stand(loose, at_rate, NOW)
    assert standing.burns[0].long == pytest.approx(14.4)
    assert standing.burns[0].told
    below = stand(loose, points([(143 * every, timedelta())], days=2, every=every), NOW)
    assert not below.burns[0].told


def test_it_counts_what_was_not_measured_as_neither() -> None:
    """Ten days in which nobody asked, with an outage on the day before."""
    seen = [one for one in points([(21 * DAY, 21 * DAY - 10 * MINUTE)]) if not 10 * DAY < NOW - one.at <= 20 * DAY]
    standing = stand(UP, seen, NOW)
    # The last answer before stands for as long as it takes to ask three times.
    assert standing.unmeasured_s == (10 * DAY - 3 * MINUTE + MINUTE).total_seconds()
    assert minutes(standing.bad_s) == 10
    assert standing.share == pytest.approx(1 - 10 / (20 * 1440 + 2))


def test_it_counts_what_could_not_be_seen_as_neither() -> None:
    blind = [
        Point(at=one.at, value=None, verdict=Verdict.UNKNOWN) if NOW - one.at <= 2 * HOUR else one for one in points()
    ]
    standing = stand(UP, blind, NOW)
    assert (standing.unmeasured_s, standing.share) == (7200, 1.0)
    # Of the last hour nothing is known: that is no health.
    assert (standing.verdict, standing.burns[0].long) == (Verdict.UNKNOWN, None)


def test_it_says_no_rate_of_a_window_that_was_hardly_measured() -> None:
    """Begun twenty minutes ago, with one bad answer: a rate of fifty over the hour would wake somebody for nothing."""
    begun = stand(UP, points([(2 * MINUTE, MINUTE)], days=20 / 1440), NOW)
    assert [burn.long for burn in begun.burns] == [None, None]
    assert begun.verdict is Verdict.UNKNOWN
    half = stand(UP, points([(2 * MINUTE, MINUTE)], days=31 / 1440), NOW)
    assert half.verdict is Verdict.BAD


def test_it_knows_nothing_of_what_was_never_measured() -> None:
    standing = stand(UP, [], NOW)
    assert (standing.share, standing.verdict, standing.unmeasured_s) == (None, Verdict.UNKNOWN, 30 * 86_400)


def test_it_takes_answers_as_often_as_they_come() -> None:
    """Asked every ten minutes, the last answer stands for the last five."""
    standing = stand(UP, points([(10 * MINUTE, timedelta())], every=10 * MINUTE), NOW)
    assert (standing.verdict, minutes(standing.bad_s)) == (Verdict.BAD, 10)


def test_it_judges_by_the_number() -> None:
    fast = Objective(name="fast", check="check_p95", good="value < 0.2", target=0.99)
    slow = [Point(at=one.at, value=0.3 if NOW - one.at <= 6 * HOUR else 0.1, verdict=Verdict.OK) for one in points()]
    standing = stand(fast, slow, NOW)
    assert (minutes(standing.bad_s), rates(standing)[0], standing.verdict) == (360, (100, 100), Verdict.BAD)
