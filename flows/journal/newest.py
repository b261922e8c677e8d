"""The newest answer of every series at once: what a dashboard elsewhere is told of them."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journal.connection import Connection
from tasks.model import Verdict

# More are not told: a monitor keeps each for ever. A team has some hundreds in each of a few environments.
MOST = 5_000

_NAMES = """
    (SELECT environment, check_name FROM incident.measurements
      WHERE value {} ORDER BY environment, check_name LIMIT 1)
    UNION ALL
    SELECT next.environment, next.check_name FROM {} AS before,
           LATERAL (SELECT m.environment, m.check_name FROM incident.measurements AS m
                     WHERE m.value {} AND (m.environment, m.check_name) > (before.environment, before.check_name)
                     ORDER BY m.environment, m.check_name LIMIT 1) AS next
"""
_LAST = """
    SELECT {} FROM incident.measurements
     WHERE (environment, check_name) = (named.environment, named.check_name)
       AND value {} AND at < now() + interval '1 day'
     ORDER BY at DESC LIMIT 1
"""
# From one name to the next in each of the two indexes, whatever number of points each has.
_NEWEST = f"""
    WITH RECURSIVE numbers AS ({_NAMES.format("IS NOT NULL", "numbers", "IS NOT NULL")}),
                   verdicts AS ({_NAMES.format("IS NULL", "verdicts", "IS NULL")}),
                   named AS (SELECT * FROM numbers UNION SELECT * FROM verdicts ORDER BY 1, 2 LIMIT {MOST})
    SELECT named.environment, named.check_name, number.value, number.unit,
           CASE WHEN verdict.at > number.at OR number.at IS NULL THEN verdict.verdict ELSE number.verdict END,
           extract(epoch FROM now() - greatest(number.at, verdict.at))::float8
      FROM named
      LEFT JOIN LATERAL ({_LAST.format("at, value, unit, verdict", "IS NOT NULL")}) AS number ON true
      LEFT JOIN LATERAL ({_LAST.format("at, verdict", "IS NULL")}) AS verdict ON true
     WHERE greatest(number.at, verdict.at) IS NOT NULL
     ORDER BY 1, 2
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The last verdict of a check in an environment and how long ago it was; its last number, if it ever found one."""

    environment: str
    check: str
    value: float | None
    unit: str
    verdict: Verdict
    age_s: float


def newest(session: Connection) -> list[Newest]:
    """Of every series there is, by environment and check; at most MOST."""
    return [
        Newest(
            environment=str(environment),
            check=str(check),
            value=None if value is None else float(str(value)),
            unit=str(unit or ""),
            verdict=Verdict[str(verdict)],
            age_s=max(0.0, float(str(age_s))),
        )
        for environment, check, value, unit, verdict, age_s in session.execute(_NEWEST.encode())
    ]
