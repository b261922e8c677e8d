"""The curves of a checklist's questions, as they were when it was gone through."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from flows.journal import Journal
from flows.told.asked import Asked, past, spans
from flows.told.chart import Drawn, chart
from flows.told.checklist import not_well
from flows.told.usual import band

# A page in Prefect with more pictures is not looked at; the report has them all.
MOST_PICTURES = 10
SHOWN = timedelta(days=30)
# Two points of a small picture each.
BUCKETS = 180
AT_ONCE = 4


def curves(journal: Journal, asked: Collection[Asked], until: datetime, ill: Collection[str]) -> dict[str, Drawn]:
    """By its check's name, what is to be drawn of each that was ever a number there; all of one environment.

    What is usual is told of the checks in `ill` alone: it takes twelve weeks of points to say, the rest one month.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    units = {(one.environment, one.check): one.unit for one in journal.series.known()}
    there = [one for one in asked if (one.environment, one.check.name) in units]
    since = until - SHOWN
    incidents = list(past(journal, there[0].environment, since)) if there else []

    def read(one: Asked) -> Drawn:
        week = journal.series.week(one.series(), until, one.place.time_zone) if one.check.name in ill else []
        return Drawn(
            title=f"{one.check.name} in {one.environment}",
            unit=units[one.environment, one.check.name],
            since=since,
            until=until,
            buckets=journal.series.buckets(one.series(), since, until, BUCKETS),
            zone=one.place.time_zone,
            limit=one.drawn_limit,
            incidents=spans(incident for incident in incidents if incident.runbook in one.runbooks),
            usual=band(week),
        )

    with ThreadPoolExecutor(AT_ONCE) as readers:
        return {one.check.name: drawn for one, drawn in zip(there, readers.map(read, there), strict=True)}


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
