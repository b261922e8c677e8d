"""Measurements: every finding's number and verdict, kept as a time series (flows/journal/series.py reads them).

The numbers among a finding's facts are series of their own, of the same rows: `{"waiting": 3}` is the series "waiting"
of its check, and costs no row more. Evidence rows are none: what they are about comes and goes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from flows.journal.connection import Connection
from flows.journal.entry import checked, read_back, written
from flows.journal.redact import Redactor
from tasks.model import Earlier, Finding

# One statement whatever the number: the round trips are what takes time.
_INSERT = """
    INSERT INTO incident.measurements (environment, check_name, value, unit, verdict, incident, facts)
    SELECT %s, name, value, unit, verdict, %s, facts::json
      FROM unnest(%s::text[], %s::float8[], %s::text[], %s::text[], %s::text[])
        AS found (name, value, unit, verdict, facts)
"""
# Up to tomorrow: the parts made ahead are then not looked into, and a clock that was set back hides nothing.
_LATEST = """
    SELECT asked.name, extract(epoch FROM last.at)::float8, last.value, last.facts::text
      FROM unnest(%s::text[]) AS asked (name),
           LATERAL (SELECT at, value, facts FROM incident.measurements
                     WHERE environment = %s AND check_name = asked.name AND value IS NOT NULL
                       AND at < now() + interval '1 day'
                     ORDER BY at DESC LIMIT 1) AS last
"""


def measure(
    session: Connection, redact: Redactor, environment: str, incident: str | None, findings: Mapping[str, Finding]
) -> int:
    """Keep what was found, all or none; how many findings. One without a number is kept as a verdict alone."""
    checked("environment", environment)
    rows = [
        (
            checked("check", name),
            _number(finding),
            redact.text(finding.unit),
            finding.verdict.name,
            written(redact.body(finding.facts)),  # type: ignore[arg-type]  # `written` refuses what is no table
        )
        for name, finding in findings.items()
    ]
    if rows:
        session.execute(_INSERT, [environment, incident, *map(list, zip(*rows, strict=True))])
    return len(rows)


def _number(finding: Finding) -> float | None:
    # A ratio of nothing to nothing is no point on a curve.
    return float(finding.value) if finding.value is not None and math.isfinite(finding.value) else None


def latest(session: Connection, environment: str, checks: Iterable[str]) -> dict[str, Earlier]:
    rows = session.execute(_LATEST, [list(checks), environment]).fetchall()
    return {
        str(name): Earlier(at_s=float(str(at_s)), value=float(str(value)), facts=read_back(str(facts)))
        for name, at_s, value, facts in rows
    }
