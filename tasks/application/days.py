"""Days as people mean them, as two UTC instants: what an index on a moment can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Day:
    """From `since` until before `until`; 23 or 25 hours where the clock is changed."""

    date: date
    since: datetime
    until: datetime


def day_before(now: datetime, time_zone: str, days: int = 1) -> Day:
    """The day so many days before the one that `now` lies in, in `time_zone` (an IANA name)."""
    zone = ZoneInfo(time_zone)
    day = now.astimezone(zone).date() - timedelta(days=days)
    return Day(date=day, since=_midnight(day, zone), until=_midnight(day + timedelta(days=1), zone))


def settled(now: datetime, time_zone: str) -> Day:
    """The last day that ended two days ago or more: whoever reacts to a mail has done so by then."""
    return day_before(now, time_zone, 3)


def moment(text: object) -> datetime:
    """What a row said; a moment without a time zone is meant in UTC, as the database compares it."""
    read = datetime.fromisoformat(str(text))
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where the clock skips midnight, the moment at which it does."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
