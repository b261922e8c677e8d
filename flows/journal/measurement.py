"""Measurements: every numeric finding, kept as a time series."""

from __future__ import annotations

import math
from collections.abc import Mapping

from flows.journal.connection import Connection
from flows.journal.entry import checked, read_back, written
from flows.journal.redact import Redactor
from tasks.model import Earlier, Finding

_INSERT = """
    INSERT INTO incident.measurements (environment, check_name, value, unit, verdict, incident, facts)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_LATEST = """
    SELECT extract(epoch FROM at)::float8, value, facts::text
      FROM incident.measurements
     WHERE environment = %s AND check_name = %s
     ORDER BY at DESC, id DESC LIMIT 1
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


def latest(session: Connection, environment: str, check: str) -> Earlier | None:
    row = session.execute(_LATEST, [environment, check]).fetchone()
    if row is None:
        return None
    return Earlier(at_s=float(str(row[0])), value=float(str(row[1])), facts=read_back(str(row[2])))
