"""The curves of a checklist's questions, as they were when it was gone through."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flows.journal import Entry, Journal, kinds
from flows.journal.series import Bucket, Series
from flows.told.asked import Asked, moment, past, spans
from flows.told.chart import Drawn, chart
from flows.told.checklist import not_well
from flows.told.sparkline import sparkline
from flows.told.units import amount
from flows.told.usual import band
from tasks.model import Verdict

# A page in Prefect with more pictures is not looked at; the report has them all.
MOST_PICTURES = 10
SHOWN = timedelta(days=30)
# A day each.
SPARKS = 30
# Two points of a small picture each.
BUCKETS = 180


def curves(journal: Journal, asked: Collection[Asked], until: datetime, ill: Collection[str]) -> dict[str, Drawn]:
    """By its check's name, what is to be drawn of each that was ever a number there; all of one environment.

    What is usual is told of the checks in `ill` alone: it takes twelve weeks of points to say, the rest one month.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    since = until - SHOWN
    incidents = list(past(journal, next(iter(asked)).environment, since)) if asked else []
    with journal.series.together() as read:
        units = {(one.environment, one.check): one.unit for one in read.known()}
        return {
            one.check.name: Drawn(
                title=f"{one.check.name} in {one.environment}",
                unit=units[one.environment, one.check.name],
                since=since,
                until=until,
                buckets=read.buckets(one.series(), since, until, BUCKETS),
                zone=one.place.time_zone,
                limit=one.drawn_limit,
                incidents=spans(incident for incident in incidents if incident.runbook in one.runbooks),
                usual=band(read.week(one.series(), until, one.place.time_zone)) if one.check.name in ill else {},
            )
            for one in asked
            if (one.environment, one.check.name) in units
        }


def pictures(
    journal: Journal, known: Mapping[str, Asked], checked: Mapping[str, Any], until: datetime
) -> dict[str, str]:
    """What is not well as SVG documents, by the question, the worst first; what was never a number is left out.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    ill = [known[item["key"]] for item in not_well(checked) if item["key"] in known][:MOST_PICTURES]
    found = curves(journal, ill, until, {one.check.name for one in ill})
    return {one.check.question: chart(found[one.check.name]) for one in ill if one.check.name in found}


def thirty_days(journal: Journal, entries: Sequence[Entry]) -> dict[str, str]:
    """In one line each, how the numbers went that an incident's BAD answers were about, by the check's name.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    opened: Any = entries[0].body
    until = moment(entries[-1].at)
    found: dict[str, Any] = {
        entry.key.removeprefix("diagnosis/"): entry.body for entry in entries if entry.is_a(kinds.Finding)
    }
    called = {name: body for name, body in found.items() if body["verdict"] == Verdict.BAD.name}
    numbers = {name: str(body["unit"]) for name, body in called.items() if body.get("value") is not None}
    if not numbers:
        return {}
    with journal.series.together() as read:
        series = {name: Series(environment=str(opened["environment"]), check=name) for name in numbers}
        buckets = {name: read.buckets(one, until - SHOWN, until, SPARKS) for name, one in series.items()}
    return {name: _line(buckets[name], unit, until) for name, unit in numbers.items() if buckets[name]}


def _line(buckets: Sequence[Bucket], unit: str, until: datetime) -> str:
    low, high = min(one.lowest for one in buckets), max(one.highest for one in buckets)
    # Where nothing was measured Markdown would leave out the spaces.
    curve = sparkline(buckets, until - SHOWN, until, SPARKS).replace(" ", "·")
    return f"{curve} {amount(low, unit)} to {amount(high, unit)}"
