"""Measurements: every numeric finding, kept as a time series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from flows.journal.connection import Connection
from flows.journal.entry import checked, read_back, written
from flows.journal.redact import Redactor
from tasks.model import Earlier, Finding

_INSERT = """
    INSERT INTO incident.measurements (environment, check_name, value, unit, verdict, incident, facts)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_LATEST = """
    SELECT asked.name, extract(epoch FROM last.at)::float8, last.value, last.facts::text
      FROM unnest(%s::text[]) AS asked (name),
           LATERAL (SELECT at, value, facts FROM incident.measurements
                     WHERE environment = %s AND check_name = asked.name
                     ORDER BY at DESC, id DESC LIMIT 1) AS last
"""


def measure(
    session: Connection, redact: Redactor, environment: str, incident: str | None, findings: Mapping[str, Finding]
) -> int:
    """Keep the findings that hold a number, all or none; how many there were."""
    checked("environment", environment)
    rows = [
        (
            environment,
            checked("check", name),
            float(finding.value),
            redact.text(finding.unit),
            finding.verdict.name,
            incident,
            written(redact.body(finding.facts)),  # type: ignore[arg-type]  # `written` refuses what is no table
        )
        for name, finding in findings.items()
        # A ratio of nothing to nothing is no point on a curve.
        if finding.value is not None and math.isfinite(finding.value)
    ]
    with session.transaction(), session.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
    return len(rows)


def latest(session: Connection, environment: str, checks: Iterable[str]) -> dict[str, Earlier]:
    rows = session.execute(_LATEST, [list(checks), environment]).fetchall()
    return {
        str(name): Earlier(at_s=float(str(at_s)), value=float(str(value)), facts=read_back(str(facts)))
        for name, at_s, value, facts in rows
    }
