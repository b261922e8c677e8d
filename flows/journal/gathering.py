"""Gathering: where a rule says so, the alerts of one service within a while are one problem, whatever each is about."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journal.connection import Connection
from flows.journal.openings import IS_OPEN, LAST_RUN

# What the last incident of this very alert was told apart by, and whether it is open.
_ITS_LAST = f"""
    SELECT o.problem, {IS_OPEN}
      FROM (SELECT opening FROM incident.alerts WHERE fingerprint = %(fingerprint)s AND opening IS NOT NULL
             ORDER BY alert DESC LIMIT 1) AS a
      JOIN incident.openings AS o ON o.opening = a.opening
       AND (o.runbook, o.environment) = (%(runbook)s, %(environment)s)
       AND o.problem IN (%(fingerprint)s, %(gathered)s)
      {LAST_RUN}
"""  # noqa: S608 - constant
# Is the service's open, and began it too long ago for one that comes new?
_TOO_LATE = f"""
    SELECT FROM (SELECT opening, at FROM incident.openings
                  WHERE (runbook, environment, problem) = (%(runbook)s, %(environment)s, %(gathered)s)
                  ORDER BY opening DESC LIMIT 1) AS o
      {LAST_RUN}
     WHERE {IS_OPEN} AND o.at < clock_timestamp() - make_interval(secs => %(within_s)s)
"""  # noqa: S608 - constant


@dataclass(frozen=True, kw_only=True)
class Alerted:
    """What is to be told apart: an alert's fingerprint, whether it fires, and where it leads."""

    fingerprint: str
    firing: bool
    service: str
    runbook: str
    environment: str


def problem(session: Connection, alerted: Alerted, within_s: float) -> str:
    """What it is told apart by: its service, where `within_s` gathers and it has one; else its own fingerprint.

    One that has an incident open stays with that one, and that it is over belongs to what it ended.
    """
    if not within_s or not alerted.service:
        return alerted.fingerprint
    gathered = f"service:{alerted.service}"
    place = {"gathered": gathered, "within_s": within_s, **vars(alerted)}
    its_last = session.execute(_ITS_LAST.encode(), place).fetchone()
    if its_last and (its_last[1] or not alerted.firing):
        return str(its_last[0])
    return alerted.fingerprint if session.execute(_TOO_LATE.encode(), place).rowcount else gathered
