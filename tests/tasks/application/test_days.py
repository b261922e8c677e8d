"""Yesterday as two UTC instants (3-25), and which day it is for whom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks.application.days import day_before, moment, settled

NOW = datetime(2026, 11, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time_zone", "day", "since", "until"),
    [
        ("UTC", "2026-11-28", "2026-11-28T00:00", "2026-11-29T00:00"),
        ("America/Los_Angeles", "2026-11-27", "2026-11-27T08:00", "2026-11-28T08:00"),
        ("Asia/Tokyo", "2026-11-28", "2026-11-27T15:00", "2026-11-28T15:00"),
    ],
)
def test_it_is_each_environments_own_yesterday(time_zone: str, day: str, since: str, until: str) -> None:
    found = day_before(NOW, time_zone)
    assert str(found.date) == day
    assert (found.since, found.until) == tuple(datetime.fromisoformat(f"{at}+00:00") for at in (since, until))


@pytest.mark.parametrize(
    ("now", "time_zone", "hours"),
    [
        ("2026-03-30T12:00+00:00", "Europe/Berlin", 23),
        ("2026-10-26T12:00+00:00", "Europe/Berlin", 25),
        ("2026-10-20T12:00+00:00", "Europe/Berlin", 24),
        # The clock skips midnight there: the day begins at one.
        ("2026-09-07T12:00+00:00", "America/Santiago", 23),
    ],
)
def test_it_has_as_many_hours_as_the_clock_gave_it(now: str, time_zone: str, hours: int) -> None:
    found = day_before(datetime.fromisoformat(now), time_zone)
    assert (found.until - found.since).total_seconds() == hours * 3600


def test_it_waits_two_days_until_a_days_mails_are_judged() -> None:
    assert (NOW - settled(NOW, "UTC").until).total_seconds() >= 48 * 3600


def test_it_reads_a_moment_without_a_zone_as_utc() -> None:
    assert moment("2026-11-29 01:30:00") == moment("2026-11-29T02:30:00+01:00") == NOW
