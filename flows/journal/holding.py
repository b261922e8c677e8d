"""Holding back: for a while an alert opens nothing, because somebody said so; then it is taken once more.

An alert of P0 is never held back, and one whose incident is open joins it as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows.journal.connection import Connection
from flows.journal.redact import Redactor

# The newest that fits decides, so that one can be ended by another.
_HELD = """
    SELECT until, actor, reason
      FROM (SELECT until, actor, reason FROM incident.snoozes
             WHERE until > clock_timestamp() - interval '30 days'
               AND fingerprint IN ('', %(fingerprint)s) AND environment IN ('', %(environment)s)
               AND service IN ('', %(service)s)
             ORDER BY snooze DESC LIMIT 1) AS newest
     WHERE until > clock_timestamp()
"""
_SNOOZE = """
    INSERT INTO incident.snoozes (fingerprint, environment, service, until, actor, reason)
    VALUES (%s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s, %s) RETURNING until
"""
_STANDING = """
    SELECT fingerprint, environment, service, until, actor, reason
      FROM (SELECT DISTINCT ON (fingerprint, environment, service) *
              FROM incident.snoozes WHERE until > clock_timestamp() - interval '30 days'
             ORDER BY fingerprint, environment, service, snooze DESC) AS newest
     WHERE until > clock_timestamp()
"""
# It fires still: nothing was said of it since.
DUE = """
    SELECT h.alert FROM incident.alerts AS h
     WHERE h.held_until < clock_timestamp() AND h.state = 'firing'
       AND h.alert > (SELECT coalesce(max(alert), 0) FROM incident.alerts) - 100000
       AND NOT EXISTS (SELECT FROM incident.alerts AS l WHERE l.fingerprint = h.fingerprint AND l.alert > h.alert)
     ORDER BY h.alert LIMIT 100
"""


class TellsNothing(Exception):
    """A snooze that would fit everything."""


@dataclass(frozen=True, kw_only=True)
class Snooze:
    """What is held back: an empty text fits everything. `reason` and `actor` are shown to whoever wonders."""

    fingerprint: str = ""
    environment: str = ""
    service: str = ""
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Held:
    """Until when, and why, in a sentence."""

    until: datetime
    why: str


def snooze(session: Connection, redact: Redactor, wanted: Snooze, for_s: float) -> datetime:
    """Hold back what fits, from now on, for so many seconds; 0 ends it.

    Raises:
        TellsNothing: it would fit every alert there is.
    """
    what = [wanted.fingerprint, wanted.environment, wanted.service]
    if not any(what):
        raise TellsNothing("Say what is to be held back: an alert, a service or an environment.")
    said = [redact.text(wanted.actor), redact.text(wanted.reason)]
    ((until,),) = session.execute(_SNOOZE, [*what, for_s, *said]).fetchall()
    assert isinstance(until, datetime)  # noqa: S101 - the column's type
    return until


def standing(session: Connection) -> list[tuple[Snooze, datetime]]:
    """What is held back at this moment."""
    found = []
    for fingerprint, environment, service, until, actor, reason in session.execute(_STANDING):
        assert isinstance(until, datetime)  # noqa: S101 - the column's type
        one = Snooze(
            fingerprint=str(fingerprint),
            environment=str(environment),
            service=str(service),
            actor=str(actor),
            reason=str(reason),
        )
        found.append((one, until))
    return found


def held(session: Connection, fingerprint: str, environment: str, service: str) -> Held | None:
    """Whether somebody holds this back just now."""
    place = {"fingerprint": fingerprint, "environment": environment, "service": service}
    row = session.execute(_HELD, place).fetchone()
    if row is None:
        return None
    until, actor, reason = row
    assert isinstance(until, datetime)  # noqa: S101 - the column's type
    return Held(until=until, why=f"{actor} holds it back until {until:%Y-%m-%d %H:%M} UTC: {reason}")
