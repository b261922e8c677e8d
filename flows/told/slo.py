"""Objectives against what was measured: the budget that is left, and how fast it burns.

Who waits until the month is lost is told too late: 99.5 % of a month, where 99.9 % are promised, is 216 minutes of a
budget of 43. So the rate counts. Burning it 14.4 times too fast spends a fiftieth of a month's budget within an hour,
and is for somebody to be woken by; six times, a twentieth within six hours, is for the next look. Each only while it
still burns: the short window beside the long one ends the alarm soon after the fault (Google's SRE workbook, alerting
on SLOs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from flows.journal.series import AllSeries, Point, Series
from flows.told.show import lasted
from tasks.model import Verdict
from tasks.objective import Objective

# An answer stands until the next one; what is missing for longer than so many usual distances was not measured.
STANDS = 3
# Of which share of a long window there must be answers, or its rate says nothing.
ENOUGH = 0.5


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Two windows, and how many times too fast the budget burns in both when it is told."""

    long: timedelta
    short: timedelta
    rate: float
    verdict: Verdict


ALARMS = (
    Alarm(long=timedelta(hours=1), short=timedelta(minutes=5), rate=14.4, verdict=Verdict.BAD),
    Alarm(long=timedelta(hours=6), short=timedelta(minutes=30), rate=6.0, verdict=Verdict.WARN),
)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """For how long an answer stood, and whether it was good; None says nothing of it."""

    since: datetime
    until: datetime
    good: bool | None


@dataclass(frozen=True, kw_only=True)
class Burn:
    """How many times too fast the budget burns; None where too little was measured."""

    alarm: Alarm
    long: float | None
    short: float | None

    @property
    def told(self) -> bool:
        rates = (self.long, self.short)
        return all(rate is not None and rate >= self.alarm.rate * (1 - 1e-9) for rate in rates)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an objective stands at a moment, in seconds. What was not measured is neither good nor bad."""

    objective: Objective
    good_s: float
    bad_s: float
    unmeasured_s: float
    burns: tuple[Burn, ...]

    @property
    def share(self) -> float | None:
        """The share of good time in what was measured."""
        measured = self.good_s + self.bad_s
        return self.good_s / measured if measured else None

    @property
    def budget_s(self) -> float:
        """How long it may be bad in the whole window: 43 minutes of 30 days for 99.9 %."""
        return (1 - self.objective.target) * self.objective.window_days * 86_400

    @property
    def left_s(self) -> float:
        return self.budget_s - self.bad_s

    @property
    def verdict(self) -> Verdict:
        """The worst alarm that is told. A budget that is spent warns, whatever burns now."""
        told = [burn.alarm.verdict for burn in self.burns if burn.told]
        if self.left_s < 0:
            told.append(Verdict.WARN)
        if self.burns[0].long is None:
            told.append(Verdict.UNKNOWN)
        return max(told, default=Verdict.OK)


def stand(objective: Objective, points: Sequence[Point], now: datetime) -> Standing:
    """Where it stands; `points` are those of its window, the oldest first."""
    since = now - timedelta(days=objective.window_days)
    found = stretches(objective, points, now)
    good, bad = _seconds(found, since, now)
    unmeasured = (now - since).total_seconds() - good - bad
    burns = _burns(objective, found, now)
    return Standing(objective=objective, good_s=good, bad_s=bad, unmeasured_s=unmeasured, burns=burns)


def standing(read: AllSeries, environment: str, objective: Objective, now: datetime) -> Standing:
    """Where it stands by what is kept of its window.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    series = Series(environment=environment, check=objective.check, fact=objective.fact)
    return stand(objective, read.points(series, now - timedelta(days=objective.window_days), now), now)


def burning(read: AllSeries, environment: str, objective: Objective, now: datetime) -> tuple[Burn, ...]:
    """How fast its budget burns just now, by what is kept of the alarms' own windows.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    series = Series(environment=environment, check=objective.check, fact=objective.fact)
    since = now - max(alarm.long for alarm in ALARMS)
    return _burns(objective, stretches(objective, read.points(series, since, now), now), now)


def stretches(objective: Objective, points: Sequence[Point], now: datetime) -> list[Stretch]:
    """How long each answer stood: until the next, or until it would have been asked again a few times."""
    if not points:
        return []
    distances = [(after.at - before.at).total_seconds() for before, after in pairwise(points)]
    longest = timedelta(seconds=STANDS * median(distances)) if distances else timedelta()
    ends = [*(point.at for point in points[1:]), now]
    return [
        Stretch(since=point.at, until=min(end, point.at + longest), good=objective.holds(point.value, point.verdict))
        for point, end in zip(points, ends, strict=True)
    ]


def _burns(objective: Objective, found: Sequence[Stretch], now: datetime) -> tuple[Burn, ...]:
    return tuple(
        Burn(
            alarm=alarm,
            long=_rate(objective, found, now - alarm.long, now, ENOUGH),
            short=_rate(objective, found, now - alarm.short, now, 0.0),
        )
        for alarm in ALARMS
    )


def _seconds(found: Sequence[Stretch], since: datetime, until: datetime) -> tuple[float, float]:
    """How long it was good and how long it was bad between the two moments."""
    seconds = {True: 0.0, False: 0.0}
    for one in found:
        if one.good is not None and one.until > since:
            seconds[one.good] += (min(one.until, until) - max(one.since, since)).total_seconds()
    return seconds[True], seconds[False]


def _rate(
    objective: Objective, found: Sequence[Stretch], since: datetime, until: datetime, enough: float
) -> float | None:
    good, bad = _seconds(found, since, until)
    measured = good + bad
    if not measured or measured < enough * (until - since).total_seconds():
        return None
    return bad / measured / (1 - objective.target)


def said(one: Standing) -> str:
    """Where it stands in one sentence: the share, the budget that is left, how fast it burns."""
    objective, share = one.objective, one.share
    wanted = f"{_percent(objective.target)} of {objective.window_days} days are promised"
    if share is None:
        return f"{objective.name}: nothing was measured; {wanted}."
    left = (
        f"{lasted(one.left_s)} of {lasted(one.budget_s)} left"
        if one.left_s >= 0
        else (f"the budget of {lasted(one.budget_s)} is overspent by {lasted(-one.left_s)}")
    )
    unseen = f" Of {lasted(one.unmeasured_s)} nothing is known." if one.unmeasured_s >= 60 else ""
    return f"{objective.name}: {_percent(share)} good ({wanted}); {left}; {said_of(one.burns)}.{unseen}"


def said_of(burns: Sequence[Burn]) -> str:
    """How fast it burns, over each alarm's long window."""
    return ", ".join(_burn(burn) for burn in burns)


def _percent(share: float) -> str:
    """99.9 %, and never rounded up to a whole that it is not."""
    text = f"{int(share * 100_000) / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{text} %"


def _burn(burn: Burn) -> str:
    hours = f"{burn.alarm.long.total_seconds() / 3600:g} h"
    if burn.long is None:
        return f"too little measured in {hours} to say how fast it burns"
    return f"burns {burn.long:.1f}× over {hours} ({burn.alarm.verdict.name} from {burn.alarm.rate:g}×)"
