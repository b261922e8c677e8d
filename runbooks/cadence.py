"""Cadence: when a checklist is gone through, on the environment's own clock."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta

from runbooks.window import Day, in_words, on_days, wrong_days

EVERY_DAY = tuple(Day)


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """At `at` on each of `days`; with `weeks`, on the first such day of a month (1), the second (2) …; with `months`,
    in those alone.

    One that was missed is made up within `due_for`, once; later it is of no use, or the next one is due.
    """

    at: time
    due_for: timedelta
    days: tuple[Day, ...] = EVERY_DAY
    weeks: tuple[int, ...] = ()
    months: tuple[int, ...] = ()

    def contradictions(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if self.at.tzinfo or self.at.second or self.at.microsecond:
            yield "the cadence's `at` is a plain time to the minute: time(7, 30). The environment knows the zone."
        if self.due_for <= timedelta(0):
            yield f"the cadence is due for {self.due_for}. Say for how long a missed one is still worth making up."
        yield from wrong_days("cadence", self.days, self.weeks)
        if not set(self.months) <= set(range(1, 13)) or len(set(self.months)) < len(self.months):
            yield "the cadence's `months` are of 1 to 12, each once."

    @property
    def cron(self) -> str:
        months = ",".join(map(str, sorted(self.months))) or "*"
        return f"{self.at.minute} {self.at.hour} * {months} {on_days(self.days, self.weeks)}"

    def __str__(self) -> str:
        months = " and ".join(calendar.month_name[month] for month in sorted(self.months))
        return f"{in_words(self.days, self.weeks, months)}, {self.at:%H:%M}"
