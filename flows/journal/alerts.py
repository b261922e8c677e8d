"""Alerts: what monitoring systems said, as it is kept (flows/journal/taking.py), and what is held back of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from flows.journal import heard, holding, refusals
from flows.journal.connection import Connection, session_of
from flows.journal.entry import read_back
from flows.journal.heard import Ended
from flows.journal.holding import Snooze
from flows.journal.redact import Redactor
from flows.journal.refusals import Refusals
from flows.journal.taking import Taken, Told, take
from flows.journal.theirs import Theirs, theirs_of
from tasks.model import Json

_LIST = """
    SELECT a.alert, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), a.source, a.state, a.severity,
           a.title, a.environment, a.service, a.runbook, a.why, a.opening, coalesce(d.run, ''), a.joined,
           a.more::text, a.fingerprint, a.held_until > clock_timestamp()
      FROM incident.alerts AS a
      LEFT JOIN LATERAL (SELECT run FROM incident.dispatched
                          WHERE opening = a.opening ORDER BY attempt DESC LIMIT 1) AS d ON true
     WHERE {which}
     ORDER BY a.alert DESC LIMIT %(limit)s
"""
_DUE = f"a.alert IN ({holding.DUE})"
_UNCLAIMED = """
    a.runbook = '' AND a.state = 'firing' AND a.severity IN ('P0', 'P1') AND a.at > clock_timestamp() - %(within)s
    AND NOT EXISTS (SELECT FROM incident.alerts AS b WHERE b.fingerprint = a.fingerprint AND b.state = 'firing'
                       AND b.alert < a.alert AND b.at > a.at - %(again)s)
"""
# What a test alert's fingerprint ends with; an alert's own goes on with a colon behind its source's name.
TEST = "/test alert"
# The newest test alert of each source that is asked about.
_TESTED = """
    SELECT s.source, a.alert, a.at, a.more::text FROM unnest(%s::text[]) AS s (source)
      JOIN LATERAL (SELECT alert, at, more FROM incident.alerts
                     WHERE fingerprint = s.source || %s ORDER BY alert DESC LIMIT 1) AS a ON true
"""
# From one source to the next in the index, whatever number of alerts each has. A test says nothing of its sender.
_LAST = """
    WITH RECURSIVE named AS (
        (SELECT source FROM incident.alerts ORDER BY source LIMIT 1)
        UNION ALL
        SELECT (SELECT a.source FROM incident.alerts AS a WHERE a.source > named.source ORDER BY a.source LIMIT 1)
          FROM named WHERE named.source IS NOT NULL)
    SELECT source, (SELECT at FROM incident.alerts AS a
                     WHERE a.source = named.source AND a.fingerprint <> named.source || %s ORDER BY alert DESC LIMIT 1)
      FROM named WHERE source IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An alert in a list. `incident` is empty until a run lives through it."""

    alert: int
    at: str
    source: str
    state: str
    severity: str
    title: str
    environment: str
    service: str
    runbook: str
    why: str
    opening: int | None
    incident: str
    joined: bool
    more: Mapping[str, Json]
    fingerprint: str
    # Back at this moment: it opens nothing before that is over.
    held: bool


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A test alert that arrived: its number, when, and when it was sent, in seconds since 1970."""

    alert: int
    at: datetime
    sent_s: float


@dataclass(frozen=True, kw_only=True)
class News:
    """What follows of alerts at this moment: incidents to tell, incidents to look again, alerts to take again."""

    ended: list[Ended]
    over: list[str]
    due: list[Kept]


class Alerts:
    """The alerts in the database at `url`. Every method raises JournalUnavailable where that does not answer."""

    def __init__(self, url: SecretStr, redact: Redactor) -> None:
        self._url = url
        self._redact = redact

    def newest(self, limit: int = 50) -> list[Kept]:
        """The newest first."""
        return self._kept("true", {"limit": limit})

    def get(self, alert: int) -> Kept | None:
        """The alert with this number."""
        return next(iter(self._kept("a.alert = %(alert)s", {"alert": alert, "limit": 1})), None)

    def unclaimed(self, within: timedelta, again: timedelta) -> list[Kept]:
        """Of the last time `within`: what fires, is P0 or P1, and no runbook claims; not what is only said `again`."""
        return self._kept(_UNCLAIMED, {"within": within, "again": again, "limit": 100})

    def again(self, kept: Kept, delivery: str, told: Told) -> Taken | None:
        """Take one once more, as `told` has it; None if somebody did under the same `delivery`."""
        with session_of(self._url) as session:
            taken = take(session, {told.environment: self._redact}, kept.source, delivery, [told])
        return taken[0] if taken else None

    def snooze(self, wanted: Snooze, for_s: float) -> datetime:
        """Hold back what fits, from now on, for so many seconds; 0 ends it. Until when.

        Raises:
            TellsNothing: it would fit every alert there is.
        """
        with session_of(self._url) as session:
            return holding.snooze(session, self._redact, wanted, for_s)

    def snoozed(self) -> list[tuple[Snooze, datetime]]:
        """What people hold back at this moment, and until when."""
        with session_of(self._url) as session:
            return holding.standing(session)

    def last(self) -> dict[str, datetime]:
        """When each source that ever sent an alert sent its last."""
        with session_of(self._url) as session:
            return last(session)

    def refused(self, within: timedelta) -> list[Refusals]:
        """What was turned away at the door."""
        with session_of(self._url) as session:
            return refusals.of_late(session, within)

    def news(self) -> News:
        """All that is asked for every few seconds, by one session: opening one takes longer than the questions."""
        with session_of(self._url) as session:
            due = list(map(_kept, session.execute(_LIST.format(which=_DUE).encode(), {"limit": 100})))
            return News(ended=heard.ended(session), over=heard.over(session), due=due)

    def theirs(self, incidents: Sequence[str]) -> dict[str, list[Theirs]]:
        """What the alerts of each of these incidents are called where they came from."""
        with session_of(self._url) as session:
            return theirs_of(session, incidents)

    def _kept(self, which: str, asked: Mapping[str, object]) -> list[Kept]:
        with session_of(self._url) as session:
            return [_kept(row) for row in session.execute(_LIST.format(which=which).encode(), asked)]


def last(session: Connection) -> dict[str, datetime]:
    """When each source that ever sent an alert sent its last; tests are none."""
    rows = session.execute(_LAST, [TEST]).fetchall()
    return {str(source): at for source, at in rows if isinstance(at, datetime)}


def tested(session: Connection, sources: Collection[str]) -> dict[str, Tested]:
    """The last test alert of each of these sources that one of arrived."""
    rows = session.execute(_TESTED, [list(sources), TEST]).fetchall()
    return {
        str(source): Tested(alert=int(str(alert)), at=at, sent_s=float(str(read_back(str(more))["sent_s"])))
        for source, alert, at, more in rows
        if isinstance(at, datetime)
    }


def _kept(row: tuple[object, ...]) -> Kept:
    alert, at, source, state, severity, title, environment, service, runbook, why, *rest = row
    opening, incident, joined, more, fingerprint, held = rest
    return Kept(
        alert=int(str(alert)),
        at=str(at),
        source=str(source),
        state=str(state),
        severity=str(severity),
        title=str(title),
        environment=str(environment),
        service=str(service),
        runbook=str(runbook),
        why=str(why),
        opening=None if opening is None else int(str(opening)),
        incident=str(incident),
        joined=bool(joined),
        more=read_back(str(more)),
        fingerprint=str(fingerprint),
        held=bool(held),
    )
