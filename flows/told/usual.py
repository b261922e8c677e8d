"""What is usual: the band of a series at this hour of the week, from the weeks before, and how a number compares.

The middle is the median of all points of that hour, and the band reaches as far as three times their median distance
from it, scaled as for a bell curve: of a hundred usual hours it leaves out less than one. One bad night in twelve moves
neither, unlike an average and its deviation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flows.journal.series import Hour
from flows.told.units import amount, scale

# A month: with fewer, one odd week is a third of what is called usual.
FEWEST_WEEKS = 4
# The median distance from the median is 0.6745 of a bell curve's deviation.
DEVIATIONS = 3 / 0.6745
_TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times", 7: "seven times"}
_PARTS = {2: "half", 3: "a third of", 4: "a quarter of", 5: "a fifth of", 10: "a tenth of"}

FEWEST_PARTS = 12


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual at one hour of the week, in the series' unit; `number` points of `weeks` weeks say so."""

    low: float
    median: float
    high: float
    number: int
    weeks: int

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class TooFew:
    """Too few weeks to say what is usual."""

    weeks: int

    def __str__(self) -> str:
        return f"{self.weeks} of the {FEWEST_WEEKS} weeks that it takes to say what is usual at this hour"


Week = Mapping[tuple[int, int], Usual]


def band(hours: Sequence[Hour]) -> Week:
    """What is usual by day (1 is Monday) and hour; an hour of too few weeks is left out."""
    return {(hour.day, hour.hour): _usual(hour) for hour in hours if hour.weeks >= FEWEST_WEEKS}


def usual_at(hours: Sequence[Hour], at: datetime, zone: str) -> Usual | TooFew:
    """What is usual at this hour of the week, by the clock on the wall there."""
    local = at.astimezone(ZoneInfo(zone))
    for hour in hours:
        if (hour.day, hour.hour) == (local.isoweekday(), local.hour):
            return _usual(hour) if hour.weeks >= FEWEST_WEEKS else TooFew(weeks=hour.weeks)
    return TooFew(weeks=0)


def _usual(hour: Hour) -> Usual:
    reach = DEVIATIONS * hour.spread
    low = hour.median - reach
    return Usual(
        # What is never negative is not usually so either.
        low=max(low, 0.0) if hour.median >= 0 else low,
        median=hour.median,
        high=hour.median + reach,
        number=hour.number,
        weeks=hour.weeks,
    )


def compared(value: float, usual: Usual, unit: str) -> str:
    """'three times the usual 400 ms', 'as usual (300 to 500 ms)': the end of a finding's sentence."""
    if usual.holds(value):
        return f"as usual ({_between(usual, unit)})"
    middle = amount(usual.median, unit)
    if usual.median > 0 and value >= 0:
        times = value / usual.median
        if times >= 1.75:
            return f"{_TIMES.get(round(times), f'{times:,.0f} times')} the usual {middle}"
        parts = usual.median / value if value else 0.0
        if parts > FEWEST_PARTS:
            return f"less than a tenth of the usual {middle}"
        if parts >= 1.75:
            nearest = min(_PARTS, key=lambda known: abs(known - parts))
            return f"{_PARTS[nearest]} the usual {middle}"
    return f"{'more' if value > usual.high else 'less'} than usual ({_between(usual, unit)})"


def _between(usual: Usual, unit: str) -> str:
    if usual.low == usual.high:
        return amount(usual.median, unit)
    said = scale(usual.high, unit)
    low, high = said.says(usual.low), said.says(usual.high)
    return f"{low.removesuffix(said.name).rstrip()} to {high}"
