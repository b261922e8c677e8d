"""The moments that a stretch of time is marked by: hours, midnights, Mondays, first days, by the clock on the wall."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# More would run into each other.
MOST = 9
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2)
_MONTHS = (1, 2, 3, 6, 12)
_DAY = timedelta(days=1)


def marks(since: datetime, until: datetime, zone: str) -> list[tuple[datetime, str]]:
    """Each moment with what stands below it, the earliest first."""
    place = ZoneInfo(zone)
    begin, end = since.astimezone(place), until.astimezone(place)
    hours = (until - since) / timedelta(hours=1)
    for step in _HOURS:
        if hours / step <= MOST:
            return [(at, f"{at:%H:%M}" if at.hour else f"{at:%a %-d %b}") for at in _hours(begin, end, step)]
    for step in _DAYS:
        if hours / 24 / step <= MOST:
            return [(at, f"{at:%a %-d %b}") for at in _days(begin, end, step)]
    if hours / 24 / 7 <= MOST:
        return [(at, f"Mon {at:%-d %b}") for at in _days(begin, end, 1) if at.isoweekday() == 1]
    step = next((step for step in _MONTHS if hours / 24 / 30.4 / step <= MOST), 12)
    return [(at, f"{at:%b %Y}") for at in _firsts(begin, end, step)]


def _hours(begin: datetime, end: datetime, step: int) -> Iterator[datetime]:
    # Counted in UTC: an hour that the clock skips or repeats is an hour.
    at = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while at <= end:
        local = at.astimezone(begin.tzinfo)
        if local.hour % step == 0:
            yield local
        at += timedelta(hours=1)


def _days(begin: datetime, end: datetime, step: int) -> Iterator[datetime]:
    # With its zone, a day later is the next midnight there, be it 23, 24 or 25 hours away.
    at = begin.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + _DAY
    while at <= end:
        yield at
        at += step * _DAY


def _firsts(begin: datetime, end: datetime, step: int) -> Iterator[datetime]:
    year, month = begin.year, begin.month + 1
    while True:
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        at = begin.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        if at > end:
            return
        if (month - 1) % step == 0:
            yield at
        month += 1
