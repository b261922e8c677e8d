"""incident trend: how a check's number went, what is usual of it, and a picture of both."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from deployments.commands.context import here
from deployments.commands.measured import asked, incidents, since
from deployments.commands.terminal import console, errors, print_json, say, show_line, show_table
from flows.journal import IncidentSummary
from flows.journal.series import AllSeries, Bucket, Hour, Known, Point, Series
from flows.run.clock import now
from flows.told.asked import Asked, moment, spans
from flows.told.chart import Drawn, chart
from flows.told.sparkline import sparkline
from flows.told.units import amount
from flows.told.usual import TooFew, band, compared, usual_at

# As wide as a terminal is, less the word before it.
SPARKS = 60
# As a table is still looked at as a whole.
ROWS = 10
# A picture shows no more.
BUCKETS = 720


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trend:
    """One series from `since` until `until`; everything is read once, when it is asked for."""

    of: Asked
    fact: str
    since: datetime
    until: datetime
    read: AllSeries
    incidents: Sequence[IncidentSummary]

    @property
    def series(self) -> Series:
        return self.of.series(self.fact)

    @property
    def title(self) -> str:
        fact = f" ({self.fact})" if self.fact else ""
        return f"{self.of.check.name}{fact} in {self.of.environment}"

    @cached_property
    def unit(self) -> str:
        """Of the check's own number; its facts have none that is known."""
        here = (self.of.environment, self.of.check.name)
        units = [one.unit for one in self.read.known() if (one.environment, one.check) == here]
        return units[0] if units and not self.fact else ""

    @cached_property
    def last(self) -> Point | None:
        return self.read.last(self.series, self.since, self.until)

    @cached_property
    def week(self) -> list[Hour]:
        return self.read.week(self.series, self.until, self.of.place.time_zone)

    def buckets(self, most: int) -> list[Bucket]:
        return self.read.buckets(self.series, self.since, self.until, most)


def trend(
    check: str | None = None,
    *,
    environment: str | None = None,
    fact: str = "",
    days: int = 30,
    svg: Path | None = None,
    json: bool = False,
) -> int:
    """Show how a check's number went and how it compares with what is usual; without a check, list what was measured.

    Exit code 1 if nothing was measured in that time.

    Parameters
    ----------
    check
        Its name, for example check_blocked_sessions.
    environment
        Where it was asked.
    fact
        One of the numbers among its facts instead, as the list names them.
    days
        How far back: 90 days are there point by point, two years by the hour.
    svg
        A file for the picture: the curve, its limits, the incidents, what is usual.
    json
        Print JSON instead.
    """
    at = here()
    read = at.journal().series
    if check is None:
        return _list(read.known(), environment, json)
    if environment is None:
        errors.print("Where? Name it by --environment; `incident trend` lists what was measured where.")
        return 2
    of, until = asked(at, check, environment), now()
    begins = since(until, days)
    past = list(incidents(at, of, begins))
    told = Trend(of=of, fact=fact, since=begins, until=until, read=read, incidents=past)
    if svg is not None:
        svg.write_text(_picture(told), encoding="utf-8")
    if json:
        print_json(_as_json(told))
    else:
        _show(told)
        if svg is not None:
            say(f"Drawn: {svg}")
    return 0 if told.buckets(1) else 1


def _list(known: Sequence[Known], environment: str | None, json: bool) -> int:
    found = [one for one in known if environment in (None, one.environment)]
    if json:
        print_json([dataclasses.asdict(one) for one in found])
    elif found:
        rows = [(one.check, one.environment, f"{one.last:%Y-%m-%d %H:%M}", " ".join(one.facts)) for one in found]
        show_table(["check", "environment", "last (UTC)", "facts that are numbers"], rows, whole=1)
    else:
        console.print("Nothing was measured yet. Watches measure, and every incident does.")
    return 0


def _show(told: Trend) -> None:
    zone = ZoneInfo(told.of.place.time_zone)
    whole = told.buckets(1)
    if not whole:
        errors.print(f"{told.title}: nothing was measured in these {(told.until - told.since).days} days.")
        return
    show_line("series", told.title)
    say(f"{'':10}  {sparkline(told.buckets(SPARKS), told.since, told.until, SPARKS)}")
    show_line("range", _range(whole[0], told.unit))
    if told.last is not None:
        show_line("last", _compared(told, told.last))
    limits = {} if told.fact else told.of.limits
    # Of several nobody knows which one judges the number, and is in its unit.
    unit = told.unit if len(limits) == 1 else ""
    for name, limit in limits.items():
        show_line("limit", f"{name}: warn {amount(limit.warn, unit)}, bad {amount(limit.bad, unit)}")
    for one in told.incidents[:ROWS]:
        opened = moment(one.opened_at).astimezone(zone)
        show_line("incident", f"{one.incident[:8]} {opened:%Y-%m-%d %H:%M} {one.runbook}: {one.verdict or 'open'}")
    if len(told.incidents) > ROWS:
        show_line("incident", f"… and {len(told.incidents) - ROWS} more")
    console.print()
    rows = [
        (
            f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}",
            *(amount(value, told.unit) for value in (one.lowest, one.average, one.highest)),
            f"{one.number:,}",
        )
        for one in told.buckets(ROWS)
    ]
    show_table([f"from ({told.of.place.time_zone})", "lowest", "average", "highest", "numbers"], rows, whole=1)


def _range(whole: Bucket, unit: str) -> str:
    lowest, average, highest = (amount(value, unit) for value in (whole.lowest, whole.average, whole.highest))
    return f"{lowest} to {highest}, {average} on the average of {whole.number:,} numbers"


def _compared(told: Trend, last: Point) -> str:
    usual = usual_at(told.week, last.at, told.of.place.time_zone)
    said = f"there are {usual}" if isinstance(usual, TooFew) else compared(last.value or 0.0, usual, told.unit)
    at = last.at.astimezone(ZoneInfo(told.of.place.time_zone))
    return f"{amount(last.value or 0.0, told.unit)} on {at:%a %-d %b at %H:%M}, {said}"


def _picture(told: Trend) -> str:
    return chart(
        Drawn(
            title=told.title,
            unit=told.unit,
            since=told.since,
            until=told.until,
            buckets=told.buckets(BUCKETS),
            zone=told.of.place.time_zone,
            limit=None if told.fact else told.of.drawn_limit,
            incidents=spans(told.incidents),
            usual=band(told.week),
        )
    )


def _as_json(told: Trend) -> dict[str, object]:
    usual = usual_at(told.week, told.last.at, told.of.place.time_zone) if told.last else TooFew(weeks=0)
    return {
        "check": told.of.check.name,
        "environment": told.of.environment,
        "fact": told.fact,
        "unit": told.unit,
        "since": told.since.isoformat(),
        "until": told.until.isoformat(),
        "last": {"at": told.last.at.isoformat(), "value": told.last.value} if told.last else None,
        "usual": None if isinstance(usual, TooFew) else dataclasses.asdict(usual),
        "limits": {} if told.fact else {name: dataclasses.asdict(one) for name, one in told.of.limits.items()},
        "incidents": [dataclasses.asdict(one) for one in told.incidents],
        "buckets": [{**dataclasses.asdict(one), "at": one.at.isoformat()} for one in told.buckets(BUCKETS)],
    }
