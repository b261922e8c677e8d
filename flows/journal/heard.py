"""What an incident hears of its alerts: that one is over; and when all are, that it may look again.

Looked through are the newest thousand that are over, however many fire beside them: it is asked every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.journal.connection import Connection

# What ended at its source of late, with the last run of its incident.
_OF_LATE = """
    WITH ended AS MATERIALIZED (
        SELECT a.alert, a.opening, d.run, a.source, a.title
          FROM (SELECT alert, opening, source, title FROM incident.alerts
                 WHERE state = 'resolved' AND opening IS NOT NULL ORDER BY alert DESC LIMIT 1000) AS a
          JOIN LATERAL (SELECT run FROM incident.dispatched
                         WHERE opening = a.opening ORDER BY attempt DESC LIMIT 1) AS d ON true)
"""
# Not the echo of what we said there ourselves (flows/people/back.py).
_ENDED = f"""{_OF_LATE}
    SELECT alert, run, source, title FROM ended AS a
     WHERE EXISTS (SELECT FROM incident.entries AS e WHERE e.incident = a.run AND e.seq = 1)
       AND NOT EXISTS (SELECT FROM incident.entries AS e
                        WHERE e.incident = a.run AND e.key = 'alert-resolved/' || a.alert)
       AND NOT EXISTS (SELECT FROM incident.entries AS e
                        WHERE e.incident = a.run AND starts_with(e.key, 'told/ended/' || a.source || '/'))
     ORDER BY alert
"""  # noqa: S608 - constant
# Told, and not looked at since; nothing was begun. Others of its alerts may go on: then it is not over.
_OVER = f"""{_OF_LATE}, told AS MATERIALIZED (
        SELECT a.run, a.opening, max(h.seq) AS seq FROM ended AS a
          JOIN incident.entries AS h ON h.incident = a.run AND h.key = 'alert-resolved/' || a.alert
         GROUP BY a.run, a.opening)
    SELECT run FROM told
     WHERE NOT EXISTS (SELECT FROM incident.entries AS e
                        WHERE e.incident = told.run
                          AND (e.kind IN ('intent', 'closed') OR e.seq > told.seq AND e.kind IN ('look', 'refused')))
       AND NOT EXISTS (SELECT FROM (SELECT DISTINCT ON (fingerprint) state FROM incident.alerts
                                     WHERE opening = told.opening ORDER BY fingerprint, alert DESC) AS newest
                        WHERE newest.state = 'firing')
"""  # noqa: S608 - constant


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An alert that is resolved at its source, of an incident that has not been told."""

    alert: int
    incident: str
    source: str
    title: str

    @property
    def key(self) -> str:
        """What it is journalled under, so that it is told once."""
        return f"alert-resolved/{self.alert}"


def ended(session: Connection) -> list[Ended]:
    """What is to be told to its incident."""
    return [
        Ended(alert=int(str(alert)), incident=str(run), source=str(source), title=str(title))
        for alert, run, source, title in session.execute(_ENDED.encode())
    ]


def over(session: Connection) -> list[str]:
    """The incidents all of whose alerts are over, which were told so and have not looked since."""
    return [str(run) for (run,) in session.execute(_OVER.encode())]
