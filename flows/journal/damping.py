"""Damping: an alert that is only said again, or that comes and goes, opens no incident after the other.

- Said again: its incident has ended, and its source never said that it was over. It opens another one an hour later, of
  P0 ten minutes later. (Alertmanager repeats itself every four hours as shipped, some others every minute.)
- Comes and goes: the third within half an hour is the last incident for so long, except of P0.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.journal.connection import Connection
from flows.journal.openings import Asked

SAID_AGAIN_S, URGENT_S = 3_600.0, 600.0
MOST, WITHIN_S = 3, 1_800.0

_LAST = """
    SELECT o.opening, extract(epoch FROM clock_timestamp() - closed.at::timestamptz),
           EXISTS (SELECT FROM incident.alerts WHERE opening = o.opening AND state = 'resolved'),
           (SELECT count(*) FROM incident.openings
             WHERE (runbook, environment, problem) = (%(runbook)s, %(environment)s, %(problem)s)
               AND at > clock_timestamp() - make_interval(secs => %(within_s)s))
      FROM (SELECT opening FROM incident.openings
             WHERE (runbook, environment, problem) = (%(runbook)s, %(environment)s, %(problem)s)
             ORDER BY opening DESC LIMIT 1) AS o
     CROSS JOIN LATERAL (SELECT run FROM incident.dispatched
                          WHERE opening = o.opening ORDER BY attempt DESC LIMIT 1) AS d
     CROSS JOIN LATERAL (SELECT at FROM incident.entries
                          WHERE incident = d.run AND kind = 'closed' ORDER BY seq LIMIT 1) AS closed
"""


@dataclass(frozen=True, kw_only=True)
class Last:
    """The last incident of a problem: how long ago it ended, was it told to be over, how many there were of late."""

    opening: int
    ended_s: float
    resolved: bool
    of_late: int

    def damps(self, urgent: bool) -> str:
        """Why no other incident is opened, in a sentence; empty where one is."""
        if not self.resolved and self.ended_s < (URGENT_S if urgent else SAID_AGAIN_S):
            return f"Only said again: its incident ended {self.ended_s:.0f} s ago, and nobody said that it was over."
        if not urgent and self.of_late >= MOST:
            return f"It comes and goes: {self.of_late} incidents within {WITHIN_S / 60:.0f} minutes."
        return ""

    @property
    def comes_and_goes(self) -> str:
        """Said where another one is opened all the same."""
        return f"it comes and goes: incident {self.of_late + 1} of it within {WITHIN_S / 60:.0f} minutes"


def last(session: Connection, asked: Asked) -> Last | None:
    """The last incident of this problem, if it has ended."""
    place = {"runbook": asked.runbook, "environment": asked.environment, "problem": asked.problem}
    row = session.execute(_LAST, {**place, "within_s": WITHIN_S}).fetchone()
    if row is None:
        return None
    opening, ended_s, resolved, of_late = row
    return Last(
        opening=int(str(opening)), ended_s=float(str(ended_s)), resolved=bool(resolved), of_late=int(str(of_late))
    )
