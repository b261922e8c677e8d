"""The last answers of what is watched, the newest first, whether they hold a number or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flows.journal.connection import Connection
from tasks.model import Verdict

# Of rounds alone: an incident that asks every few seconds is not many looks of a watch.
_NEWEST = """
    (SELECT at, verdict, value, unit FROM incident.measurements
      WHERE environment = %(environment)s AND check_name = asked.name AND value {} AND incident IS NULL
        AND at < now() + interval '1 day'
      ORDER BY at DESC LIMIT %(most)s)
"""
_LOOKS = f"""
    SELECT asked.name, look.at, look.verdict, look.value, look.unit
      FROM unnest(%(checks)s::text[]) AS asked (name),
           LATERAL ({_NEWEST.format("IS NOT NULL")} UNION ALL {_NEWEST.format("IS NULL")}
                    ORDER BY at DESC LIMIT %(most)s) AS look
     ORDER BY look.at DESC
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer of a watch; `value` in `unit`, if it holds a number."""

    at: datetime
    verdict: Verdict
    value: float | None
    unit: str


def looks(session: Connection, environment: str, checks: Iterable[str], most: int) -> dict[str, list[Look]]:
    """The last `most` answers of each check there; one that was never watched is left out."""
    found: dict[str, list[Look]] = {}
    given = {"environment": environment, "checks": list(checks), "most": most}
    for name, at, verdict, value, unit in session.execute(_LOOKS, given):
        assert isinstance(at, datetime)  # noqa: S101 - the column's type
        number = None if value is None else float(str(value))
        one = Look(at=at, verdict=Verdict[str(verdict)], value=number, unit=str(unit))
        found.setdefault(str(name), []).append(one)
    return found
