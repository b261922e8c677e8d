"""Would the watch have been worth it?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from flows.journal.series import Point
from flows.told.hindsight import Past, alarms, decides, hindsight, judged
from runbooks.model import Settle
from tasks.model import Threshold, Verdict

OK, WARN, UNKNOWN, BAD = Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BAD
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMIT = Threshold(warn=5, bad=10, because="Owner: nobody.")
LOW = Threshold(warn=10, bad=5, because="Owner: nobody.")


def said(*verdicts: Verdict, every: timedelta = HOUR) -> list[Point]:
    return [Point(at=BEGAN + n * every, value=None, verdict=verdict) for n, verdict in enumerate(verdicts)]


def numbers(*pairs: tuple[float | None, Verdict]) -> list[Point]:
    return [Point(at=BEGAN + n * HOUR, value=value, verdict=verdict) for n, (value, verdict) in enumerate(pairs)]


def hours(points: Sequence[Point]) -> list[tuple[float, float | None]]:
    return [
        ((one.since - BEGAN) / HOUR, None if one.until is None else (one.until - BEGAN) / HOUR)
        for one in alarms(points)
    ]


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ((OK, OK, WARN), []),
        ((OK, BAD, BAD, OK), [(1, 3)]),
        ((BAD, WARN, BAD), [(0, 1), (2, None)]),
        ((BAD, UNKNOWN, BAD, OK), [(0, 3)]),
        ((UNKNOWN, BAD, UNKNOWN), [(1, None)]),
    ],
)
def test_it_finds_the_stretches_of_bad_answers(verdicts: Sequence[Verdict], found: object) -> None:
    assert hours(said(*verdicts)) == found


@pytest.mark.parametrize(
    ("verdicts", "began"),
    [
        ((BAD, OK, OK, BAD), []),
        ((BAD, OK, BAD, OK), [2]),
        ((BAD, BAD, OK, OK, BAD, BAD), [1, 5]),
        ((BAD, UNKNOWN, UNKNOWN, BAD), []),
    ],
)
def test_it_counts_what_settled_alone(verdicts: Sequence[Verdict], began: object) -> None:
    """Two of the last three looks, as a watch does."""
    found = alarms(said(*verdicts), Settle(bad=2, of=3))
    assert [(one.since - BEGAN) / HOUR for one in found] == began


@pytest.mark.parametrize(
    ("pairs", "limit", "so"),
    [
        ([(1, OK), (6, WARN), (11, BAD)], LIMIT, True),
        ([(1, OK), (8, OK), (6, WARN)], LIMIT, False),
        ([(11, OK), (6, WARN), (1, BAD)], LOW, True),
        ([(1, OK), (6, WARN), (11, BAD)], LOW, False),
        ([(1, OK), (99, UNKNOWN), (None, BAD)], LIMIT, True),
        ([(None, OK), (None, BAD)], LIMIT, False),
    ],
)
def test_it_sees_whether_the_number_decides(
    pairs: list[tuple[float | None, Verdict]], limit: Threshold, so: bool
) -> None:
    assert decides(numbers(*pairs), limit) is so


def test_it_judges_by_the_limits_of_now() -> None:
    """A looser limit stood there then: what was a warning is bad today."""
    seen = numbers((1, OK), (12, WARN), (None, BAD), (50, BAD), (3, UNKNOWN), (None, UNKNOWN))
    assert [one.verdict for one in judged(seen, LIMIT)] == [OK, BAD, BAD, BAD, UNKNOWN, UNKNOWN]
    assert judged(seen, None) == seen
    mixed = numbers((7, OK), (6, BAD))
    assert judged(mixed, LIMIT) == mixed


def past(name: str, opened: timedelta, lasted: timedelta | None, real: bool = True) -> Past:
    opened_at = BEGAN + opened
    return Past(incident=name, opened=opened_at, closed=None if lasted is None else opened_at + lasted, real=real)


def test_it_tells_what_was_caught_and_how_early() -> None:
    # Two weeks of answers each hour; bad on the third day from ten till noon, and once on the ninth.
    verdicts = [OK] * (14 * 24 + 1)
    verdicts[2 * 24 + 10 : 2 * 24 + 12] = [BAD, BAD]
    verdicts[8 * 24] = BAD
    found = hindsight(
        said(*verdicts),
        [
            past("seen", 2 * DAY + 10 * HOUR + 40 * MINUTE, HOUR),
            past("missed", 5 * DAY, HOUR),
            past("nothing", 8 * DAY, MINUTE, real=False),
        ],
    )
    assert [(one.incident, one.earlier) for one in found.caught] == [("seen", 40 * MINUTE)]
    assert (found.missed, len(found.alarms), len(found.false)) == (["missed"], 2, 1)
    assert found.false[0].since == BEGAN + 8 * DAY
    assert found.false_per_week == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("opened", "lasted", "caught", "earlier"),
    [
        (10 * HOUR, HOUR, True, timedelta()),  # at once
        (9 * HOUR, 3 * HOUR, True, -HOUR),  # somebody was faster
        (9 * HOUR, 30 * MINUTE, False, None),  # over before
        (12.5 * HOUR, HOUR, True, 2.5 * HOUR),  # half an hour after it had ended
        (13.5 * HOUR, HOUR, False, None),
        (9 * HOUR, None, True, -HOUR),  # still open
    ],
)
def test_it_counts_an_incident_as_caught_while_it_was(
    opened: timedelta, lasted: timedelta | None, caught: bool, earlier: timedelta | None
) -> None:
    verdicts = [OK] * 10 + [BAD] * 2 + [OK] * 12
    found = hindsight(said(*verdicts), [past("one", opened, lasted)])
    assert [one.earlier for one in found.caught] == ([earlier] if caught else [])
    assert bool(found.missed) is not caught
    assert bool(found.false) is not caught


def test_it_says_nothing_of_nothing() -> None:
    found = hindsight([], [past("one", HOUR, HOUR)])
    assert (found.alarms, found.missed, found.false_per_week) == ([], ["one"], 0.0)
