"""Window: the hours in which maintenance may act, in the environment's own time."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tasks.quiet import QuietHours


class Day(enum.IntEnum):
    """A day of the week, as `date.weekday()` counts."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6

    def __str__(self) -> str:
        return self.name.capitalize()


def wrong_days(of: str, days: tuple[Day, ...], weeks: tuple[int, ...]) -> Iterator[str]:
    """What is wrong with the days of a window or a cadence."""
    if not days or len(set(days)) < len(days):
        yield f"the {of} needs `days`, each once: (Day.SUNDAY,)."
    if not set(weeks) <= {1, 2, 3, 4} or len(set(weeks)) < len(weeks):
        yield f"the {of}'s `weeks` are of 1 to 4, each once: not every month has a fifth Sunday."


def on_days(days: tuple[Day, ...], weeks: tuple[int, ...]) -> str:
    """The days as cron has them, which counts from Sunday, 0."""
    counted = [(day + 1) % 7 for day in days]
    on = [f"{day}#{week}" for day in counted for week in weeks] if weeks else [str(day) for day in counted]
    return ",".join(sorted(on))


def in_words(days: tuple[Day, ...], weeks: tuple[int, ...], months: str = "") -> str:
    nth = {1: "first", 2: "second", 3: "third", 4: "fourth"}
    named = f"{min(days)} to {max(days)}" if _in_a_row(days) else ", ".join(map(str, sorted(days)))
    if weeks:
        return f"Every {' and '.join(nth[week] for week in weeks)} {named} of {months or 'a month'}"
    return ("Every day" if len(days) == len(Day) else named) + (f" in {months}" if months else "")


def _in_a_row(days: tuple[Day, ...]) -> bool:
    return len(days) > 2 and max(days) - min(days) + 1 == len(days)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One time the window stands open: from `begins` up to, not including, `ends`; both in UTC."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `start` for `length` on the clock on the wall, on each of `days`; with `weeks`, the first such day of a
    month (1), the second (2) …

    Both ends are read off that clock: in the night it is put forward, 01:00 to 05:00 lasts three hours.
    """

    start: time
    length: timedelta
    days: tuple[Day, ...]
    weeks: tuple[int, ...] = ()

    def contradictions(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if self.start.tzinfo or self.start.second or self.start.microsecond:
            yield "the window's `start` is a plain time to the minute: time(3, 30). The environment knows the zone."
        if not timedelta(0) < self.length < timedelta(days=1):
            yield f"the window lasts {self.length}. Give it more than nothing and less than a day."
        yield from wrong_days("window", self.days, self.weeks)

    @property
    def cron(self) -> str:
        """When it opens. In the night in which `start` is skipped, cron is up to an hour early."""
        return f"{self.start.minute} {self.start.hour} * * {on_days(self.days, self.weeks)}"

    def __str__(self) -> str:
        ends = (datetime.combine(date(2000, 1, 1), self.start) + self.length).time()
        return f"{in_words(self.days, self.weeks)}, {self.start:%H:%M}–{ends:%H:%M}"

    def open_at(self, moment: datetime, zone: str) -> Opening | None:
        """The opening that `moment` lies in."""
        return next((o for o in self._near(moment, zone) if o.begins <= moment < o.ends), None)

    def opens_after(self, moment: datetime, zone: str) -> datetime | None:
        """When it next opens, if that is within a day."""
        return next((o.begins for o in self._near(moment, zone) if o.begins > moment), None)

    def _near(self, moment: datetime, zone: str) -> Iterator[Opening]:
        """The openings of yesterday, which may last past midnight, of today and of tomorrow."""
        there = ZoneInfo(zone)
        today = moment.astimezone(there).date()
        for day in (today + timedelta(days=n) for n in (-1, 0, 1)):
            if day.weekday() in self.days and (not self.weeks or (day.day - 1) // 7 + 1 in self.weeks):
                start = datetime.combine(day, self.start)
                begins, ends = _moment(start, there), _moment(start + self.length, there)
                # A window within the skipped hour does not open.
                if begins < ends:
                    yield Opening(begins=begins, ends=ends)


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock on the wall shows `wall`: the first time if it does so twice; if never, when it jumps over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first
    # Skipped. Python reads such a time with either offset, and the jump lies between the two readings.
    offset = first.astimezone(zone).utcoffset()
    minutes = (second + timedelta(minutes=n) for n in itertools.count())
    return next(moment for moment in minutes if moment.astimezone(zone).utcoffset() == offset)


def end_of_quiet(hours: QuietHours | None, moment: datetime, time_zone: str) -> datetime | None:
    """When these hours end, by the clock there; None outside of them, or where there are none."""
    if hours is None:
        return None
    opening = Window(start=hours.start, length=timedelta(hours=hours.hours), days=tuple(Day)).open_at(moment, time_zone)
    return opening.ends if opening else None
