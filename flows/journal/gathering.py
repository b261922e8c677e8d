"""Gathering: where a rule says so, the alerts of one service within a while are one problem, whatever each is about."""

from __future__ import annotations

from flows.journal.connection import Connection
from flows.journal.openings import IS_OPEN, LAST_RUN

# Is it open, began it too long ago, and has this one no part in it? Then this one is told apart.
_APART = f"""
    SELECT FROM (SELECT opening, at FROM incident.openings
                  WHERE (runbook, environment, problem) = (%(runbook)s, %(environment)s, %(gathered)s)
                  ORDER BY opening DESC LIMIT 1) AS o
      {LAST_RUN}
     WHERE {IS_OPEN} AND o.at < clock_timestamp() - make_interval(secs => %(within_s)s)
       AND NOT EXISTS (SELECT FROM incident.alerts WHERE opening = o.opening AND fingerprint = %(fingerprint)s)
"""  # noqa: S608 - constant


def problem(
    session: Connection, fingerprint: str, *, service: str, runbook: str, environment: str, within_s: float
) -> str:
    """What it is told apart by: its service, where `within_s` gathers and it has one; else its own fingerprint."""
    if not within_s or not service:
        return fingerprint
    gathered = f"service:{service}"
    place = {"runbook": runbook, "environment": environment, "gathered": gathered}
    apart = session.execute(_APART.encode(), {**place, "fingerprint": fingerprint, "within_s": within_s}).rowcount
    return fingerprint if apart else gathered
