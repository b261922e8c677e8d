"""What limits would have done with what was measured: when a watch would have opened its runbook, and was it right?"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flows.journal.series import Point
from runbooks.model import AT_ONCE, Settle
from tasks.model import Threshold, Verdict

# What opened an incident shortly after its alarm had ended was still that alarm: somebody heard it and went to look.
AFTERWARDS = timedelta(hours=1)
WEEK = timedelta(weeks=1)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """From the first BAD answer to the first that is not; None: it still is."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Past:
    """An incident that there was: what it is called, and when. `real` is what was reproduced, or is not known yet."""

    incident: str
    opened: datetime
    closed: datetime | None
    real: bool


@dataclass(frozen=True, kw_only=True)
class Caught:
    """An incident, and by how much earlier the alarm would have come; negative: later."""

    incident: str
    earlier: timedelta


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """What would have been: alarms, the incidents they caught and missed, and those that nothing came of."""

    alarms: Sequence[Alarm]
    caught: Sequence[Caught]
    missed: Sequence[str]
    false: Sequence[Alarm]
    false_per_week: float


def judged(points: Sequence[Point], limit: Threshold | None) -> list[Point]:
    """The points as `limit` judges them now; as they were judged then, where it is not the number that decides.

    A check may judge more than its number, or by several limits. Then some number of a milder verdict is worse than one
    of a harsher, and the limit cannot be asked again.
    """
    if limit is None or not decides(points, limit):
        return list(points)
    return [
        one if one.value is None or one.verdict is Verdict.UNKNOWN else replace(one, verdict=limit.judge(one.value))
        for one in points
    ]


def decides(points: Sequence[Point], limit: Threshold) -> bool:
    """Is a worse verdict always that of a worse number?"""
    sign = 1 if limit.bad > limit.warn else -1
    seen = [(sign * one.value, one.verdict) for one in points if one.value is not None]
    worst_so_far = float("-inf")
    for verdict in (Verdict.OK, Verdict.WARN, Verdict.BAD):
        values = [value for value, found in seen if found is verdict]
        if values and min(values) < worst_so_far:
            return False
        worst_so_far = max([worst_so_far, *values])
    return bool(seen)


def alarms(points: Sequence[Point], settle: Settle = AT_ONCE) -> list[Alarm]:
    """The stretches of BAD answers, from where they settle on. One that could not look neither begins nor ends any."""
    found: list[Alarm] = []
    since: datetime | None = None
    looks: deque[Verdict] = deque(maxlen=settle.of)
    for one in points:
        looks.appendleft(one.verdict)
        if settle.reached(list(looks)):
            since = since or one.at
        elif one.verdict is Verdict.BAD:
            continue
        elif one.verdict is not Verdict.UNKNOWN and since is not None:
            found.append(Alarm(since=since, until=one.at))
            since = None
    return [*found, Alarm(since=since, until=None)] if since is not None else found


def hindsight(points: Sequence[Point], past: Sequence[Past], settle: Settle = AT_ONCE) -> Hindsight:
    """What these answers, the oldest first, would have opened, beside the incidents there were meanwhile."""
    found = alarms(points, settle)
    of = {one.incident: [alarm for alarm in found if _of(alarm, one)] for one in past}
    real = [one for one in past if one.real]
    caught = [
        Caught(incident=one.incident, earlier=one.opened - of[one.incident][0].since)
        for one in real
        if of[one.incident]
    ]
    useful = [alarm for one in real for alarm in of[one.incident]]
    false = [alarm for alarm in found if alarm not in useful]
    weeks = (points[-1].at - points[0].at) / WEEK if points else 0.0
    return Hindsight(
        alarms=found,
        caught=caught,
        missed=[one.incident for one in real if not of[one.incident]],
        false=false,
        # Of less than a week nobody can tell what a week brings.
        false_per_week=len(false) / max(weeks, 1.0),
    )


def _of(alarm: Alarm, one: Past) -> bool:
    begun = one.closed is None or alarm.since <= one.closed
    return begun and (alarm.until is None or alarm.until + AFTERWARDS >= one.opened)
