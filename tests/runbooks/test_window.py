from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from runbooks.window import Day, Opening, Window

VIENNA = "Europe/Vienna"
SUNDAY_NIGHT = Window(start=time(3), length=timedelta(hours=2), days=(Day.SUNDAY,))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every_night(start: time, hours: float) -> Window:
    return Window(start=start, length=timedelta(hours=hours), days=tuple(Day))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-22T01:59:59", False),
        ("2026-11-22T02:00:00", True),
        ("2026-11-22T03:59:59", True),
        ("2026-11-22T04:00:00", False),
        ("2026-11-23T02:30:00", False),
    ],
)
def test_it_is_open_on_its_day_up_to_its_end(moment: str, is_open: bool) -> None:
    opening = SUNDAY_NIGHT.open_at(utc(moment), VIENNA)
    expected = Opening(begins=utc("2026-11-22T02:00:00"), ends=utc("2026-11-22T04:00:00"))
    assert opening == (expected if is_open else None)


def test_it_lasts_past_midnight_into_a_day_that_is_not_its_own() -> None:
    window = Window(start=time(23), length=timedelta(hours=3), days=(Day.SATURDAY,))
    assert window.open_at(utc("2026-11-22T00:30:00"), VIENNA)
    assert not window.open_at(utc("2026-11-22T22:30:00"), VIENNA)


@pytest.mark.parametrize(
    ("night", "start", "hours", "begins", "ends"),
    [
        # Put forward at 01:00 UTC: 02:00 is followed by 03:00.
        ("2026-03-29", time(1), 4, "2026-03-29T00:00:00", "2026-03-29T03:00:00"),
        ("2026-03-29", time(2, 30), 2, "2026-03-29T01:00:00", "2026-03-29T02:30:00"),
        ("2026-03-29", time(0), 2.5, "2026-03-28T23:00:00", "2026-03-29T01:00:00"),
        ("2026-03-29", time(2), 0.5, None, None),
        # Put back at 01:00 UTC: 02:30 comes twice.
        ("2026-10-25", time(1), 4, "2026-10-24T23:00:00", "2026-10-25T04:00:00"),
        ("2026-10-25", time(2, 30), 2, "2026-10-25T00:30:00", "2026-10-25T03:30:00"),
        ("2026-10-25", time(0), 2.5, "2026-10-24T22:00:00", "2026-10-25T00:30:00"),
    ],
)
def test_it_keeps_to_the_clock_on_the_wall_when_that_is_changed(
    night: str, start: time, hours: float, begins: str | None, ends: str | None
) -> None:
    window = every_night(start, hours)
    noon = datetime.combine(date.fromisoformat(night), time(12), tzinfo=UTC)
    openings = {o for n in range(-48, 1) if (o := window.open_at(noon + timedelta(minutes=15 * n), VIENNA))}
    expected = {Opening(begins=utc(begins), ends=utc(ends))} if begins and ends else set()
    assert openings == expected


def test_it_finds_the_jump_wherever_it_is() -> None:
    """Lord Howe's clocks jump by half an hour, Santiago's at midnight."""
    howe = every_night(time(2, 15), 2)
    assert howe.opens_after(utc("2026-10-03T14:00:00"), "Australia/Lord_Howe") == utc("2026-10-03T15:30:00")
    santiago = every_night(time(0, 15), 2)
    assert santiago.opens_after(utc("2026-09-06T03:30:00"), "America/Santiago") == utc("2026-09-06T04:00:00")


def test_it_opens_on_the_nth_day_of_a_month_only() -> None:
    window = Window(start=time(3), length=timedelta(hours=2), days=(Day.SUNDAY,), weeks=(1, 3))
    half_past_three = {day: datetime(2026, 11, day, 3, 30, tzinfo=ZoneInfo(VIENNA)) for day in range(1, 31)}
    assert [day for day, moment in half_past_three.items() if window.open_at(moment, VIENNA)] == [1, 15]


@pytest.mark.parametrize(
    ("window", "cron", "said"),
    [
        (SUNDAY_NIGHT, "0 3 * * 0", "Sunday, 03:00–05:00"),
        (every_night(time(22, 30), 2), "30 22 * * 0,1,2,3,4,5,6", "Every day, 22:30–00:30"),
        (
            Window(start=time(3), length=timedelta(hours=1), days=(Day.SUNDAY,), weeks=(1, 3)),
            "0 3 * * 0#1,0#3",
            "Every first and third Sunday of a month, 03:00–04:00",
        ),
    ],
)
def test_it_tells_prefect_and_people_when(window: Window, cron: str, said: str) -> None:
    assert (window.cron, str(window)) == (cron, said)


@pytest.mark.parametrize("start", [time(2, 30), time(2), time(3), time(1, 59)])
@pytest.mark.parametrize("begins", ["2026-03-26", "2026-10-22"])
def test_its_cron_is_never_late_and_at_most_an_hour_early(start: time, begins: str) -> None:
    """As Prefect reads it, on its own schedule's code: a run that is early waits, a late one would lose its window."""
    import asyncio

    from prefect.server.schemas.schedules import CronSchedule

    window = every_night(start, 3)
    fired = asyncio.run(CronSchedule(cron=window.cron, timezone=VIENNA).get_dates(n=7, start=utc(begins)))
    for moment in fired:
        at = moment.astimezone(UTC)
        opening = window.open_at(at, VIENNA)
        if opening is None or opening.begins != at:
            opens = window.opens_after(at, VIENNA)
            assert opens is not None
            assert opens - at <= timedelta(hours=1), (at, opens)
