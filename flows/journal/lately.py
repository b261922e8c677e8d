"""When something was last gone through in an environment, and how it ended; asked of one or of all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.journal.connection import Connection
from flows.journal.entry import read_back

# Each in two looks along an index, however many there were before.
_LATELY = """
    SELECT asked.runbook, asked.environment, d.run, begun.at, ended.at, ended.body::text
      FROM unnest(%(runbooks)s::text[], %(environments)s::text[]) AS asked (runbook, environment)
     CROSS JOIN LATERAL (SELECT opening FROM incident.openings AS o
                          WHERE (o.runbook, o.environment) = (asked.runbook, asked.environment)
                          ORDER BY opening DESC LIMIT %(limit)s) AS o
     CROSS JOIN LATERAL (SELECT run FROM incident.dispatched
                          WHERE opening = o.opening ORDER BY attempt DESC LIMIT 1) AS d
      JOIN incident.entries AS begun ON begun.incident = d.run AND begun.key = 'opened'
      LEFT JOIN incident.entries AS ended ON ended.incident = d.run AND ended.key = 'closed'
     ORDER BY o.opening DESC
"""


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """One time it was gone through, moments in ISO 8601. While it is open, the last three are empty."""

    incident: str
    opened_at: str
    ended_at: str = ""
    verdict: str = ""
    says: str = ""


Place = tuple[str, str]  # a slug and an environment


def lately(session: Connection, places: Iterable[Place], limit: int) -> dict[Place, list[LastRun]]:
    """The last `limit` times of each, the newest first. What was never gone through, or is retired, is left out."""
    asked = list(places)
    given = {"runbooks": [slug for slug, _ in asked], "environments": [where for _, where in asked], "limit": limit}
    found: dict[Place, list[LastRun]] = {}
    for runbook, environment, run, begun, ended, body in session.execute(_LATELY, given):
        closed = read_back(str(body)) if ended else {}
        one = LastRun(
            incident=str(run),
            opened_at=str(begun),
            ended_at=str(ended or ""),
            verdict=str(closed.get("verdict") or ""),
            says=str(closed.get("says") or ""),
        )
        found.setdefault((str(runbook), str(environment)), []).append(one)
    return found
