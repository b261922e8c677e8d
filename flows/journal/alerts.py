"""Alerts: what monitoring systems said, each delivery stored whole, once, in one transaction with what it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from flows.journal import heard
from flows.journal.connection import Connection, session_of
from flows.journal.damping import last
from flows.journal.entry import read_back, written
from flows.journal.heard import Ended
from flows.journal.openings import OF_THIS, Asked, find_open, open_or_join
from flows.journal.redact import Redactor
from tasks.model import Json

_DELIVERY = "INSERT INTO incident.deliveries (source, delivery) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_ALERT = """
    INSERT INTO incident.alerts (source, fingerprint, state, title, severity, service, environment, more, runbook, why,
                                 opening, joined)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING alert
"""
# One more of a storm, in one statement: stored if its incident is open and its delivery was not here, else nothing is.
_JOIN = f"""
    WITH open_now AS ({OF_THIS}),
         new AS (INSERT INTO incident.deliveries (source, delivery)
                 SELECT %(source)s, %(delivery)s FROM open_now ON CONFLICT DO NOTHING RETURNING source)
    INSERT INTO incident.alerts (source, fingerprint, state, title, severity, service, environment, more, runbook, why,
                                 opening, joined)
    SELECT %(source)s, %(problem)s, 'firing', %(title)s, %(severity)s, %(service)s, %(environment)s, %(more)s,
           %(runbook)s, %(why)s, open_now.opening, true
      FROM open_now, new RETURNING alert, opening
"""  # noqa: S608 - constant
_LIST = """
    SELECT a.alert, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), a.source, a.state, a.severity,
           a.title, a.environment, a.service, a.runbook, a.why, a.opening, coalesce(d.run, ''), a.joined,
           a.more::text
      FROM incident.alerts AS a
      LEFT JOIN LATERAL (SELECT run FROM incident.dispatched
                          WHERE opening = a.opening ORDER BY attempt DESC LIMIT 1) AS d ON true
     WHERE (%(alert)s::bigint IS NULL OR a.alert = %(alert)s)
     ORDER BY a.alert DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One alert as it is stored. `runbook` is empty where none claims it, and `why` says so; `more` is any JSON.

    An urgent one is hardly damped (flows/journal/damping.py).
    """

    fingerprint: str
    firing: bool
    title: str
    severity: str
    service: str
    environment: str
    runbook: str
    why: str
    urgent: bool = False
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of an alert: its number, and the opening it belongs to, if there is one; `joined`, or opened."""

    alert: int
    opening: int | None
    joined: bool


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


class Alerts:
    """The alerts in the database at `url`. Every method raises JournalUnavailable where that does not answer."""

    def __init__(self, url: SecretStr, redact: Redactor) -> None:
        self._url = url
        self._redact = redact

    def newest(self, limit: int = 50) -> list[Kept]:
        """The newest first."""
        return self._kept({"alert": None, "limit": limit})

    def get(self, alert: int) -> Kept | None:
        """The alert with this number."""
        return next(iter(self._kept({"alert": alert, "limit": 1})), None)

    def ended(self) -> list[Ended]:
        """What is to be told to its incident."""
        with session_of(self._url) as session:
            return heard.ended(session)

    def over(self) -> list[str]:
        """The incidents all of whose alerts are over, which were told so and have not looked since."""
        with session_of(self._url) as session:
            return heard.over(session)

    def _kept(self, asked: dict[str, int | None]) -> list[Kept]:
        with session_of(self._url) as session:
            return [_kept(row) for row in session.execute(_LIST, asked)]


def take(
    session: Connection, redact: Mapping[str, Redactor], source: str, delivery: str, alerts: Sequence[Told]
) -> list[Taken] | None:
    """Store a delivery with its alerts, each joined to the incident of its problem or opening one; None if it is here.

    One transaction: all of it is stored when this returns, or nothing. `redact` is by environment.

    Raises:
        NotRecordable: what is told cannot be kept.
        psycopg.Error: the database failed, and whether it was kept is seen by delivering it again.
    """
    joined = _join(session, redact, source, delivery, alerts[0]) if len(alerts) == 1 else None
    if joined:
        return [joined]
    with session.transaction():
        if not session.execute(_DELIVERY, [source, delivery]).rowcount:
            return None
        return [_take(session, redact[told.environment], source, told) for told in alerts]


def _join(session: Connection, by: Mapping[str, Redactor], source: str, delivery: str, told: Told) -> Taken | None:
    if not told.firing or not told.runbook:
        return None
    redact = by[told.environment]
    values = {
        "source": source,
        "delivery": delivery,
        "problem": told.fingerprint,
        "title": redact.text(told.title),
        "severity": told.severity,
        "service": redact.text(told.service),
        "environment": told.environment,
        "more": _written(redact, told),
        "runbook": told.runbook,
        "why": told.why,
    }
    row = session.execute(_JOIN.encode(), values).fetchone()
    return Taken(alert=int(str(row[0])), opening=int(str(row[1])), joined=True) if row else None


def _written(redact: Redactor, told: Told) -> str:
    return written(redact.body(told.more))  # type: ignore[arg-type]  # `written` refuses what is no table


def _take(session: Connection, redact: Redactor, source: str, told: Told) -> Taken:
    opening, joined, why = _opening(session, redact, source, told)
    more = _written(redact, told)
    texts = [source, told.fingerprint, "firing" if told.firing else "resolved", redact.text(told.title)]
    where = [told.severity, redact.text(told.service), told.environment]
    ((alert,),) = session.execute(_ALERT, [*texts, *where, more, told.runbook, why, opening, joined]).fetchall()
    return Taken(alert=int(str(alert)), opening=opening, joined=joined)


def _opening(session: Connection, redact: Redactor, source: str, told: Told) -> tuple[int | None, bool, str]:
    if not told.runbook:
        return None, False, told.why
    reason = f"{source}: {told.title}"
    asked = Asked(
        runbook=told.runbook,
        environment=told.environment,
        actor=f"alert:{source}",
        reason=reason,
        problem=told.fingerprint,
    )
    open_now = find_open(session, asked)
    before = None if open_now else last(session, asked)
    # That it is over opens nothing, and belongs to what it ended, also afterwards.
    damped = before.damps(told.urgent) if before and told.firing else ""
    if open_now or not told.firing or damped:
        found = open_now or before
        return (found.opening, True, f"{told.why} {damped}".strip()) if found else (None, False, told.why)
    opened = open_or_join(session, redact, asked)
    return opened.opening, not opened.new, told.why


def _kept(row: tuple[object, ...]) -> Kept:
    alert, at, source, state, severity, title, environment, service, runbook, why, *rest = row
    opening, incident, joined, more = rest
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
    )
