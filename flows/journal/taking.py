"""Taking alerts: each delivery stored whole, once, in one transaction with what it opens or joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flows.journal.connection import Connection
from flows.journal.damping import last
from flows.journal.entry import written
from flows.journal.gathering import Alerted, problem
from flows.journal.holding import Held, held
from flows.journal.openings import OF_THIS, Asked, find_open, open_or_join
from flows.journal.redact import Redactor
from tasks.model import Json

_DELIVERY = "INSERT INTO incident.deliveries (source, delivery) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_ALERT = """
    INSERT INTO incident.alerts (source, fingerprint, state, title, severity, service, environment, more, runbook, why,
                                 opening, joined, held_until)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING alert
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


@dataclass(frozen=True, kw_only=True)
class Told:
    """One alert as it is stored. `runbook` is empty where none claims it, and `why` says so; `more` is any JSON.

    - An urgent one is hardly damped (flows/journal/damping.py), and never held back.
    - `held`: until when the configuration holds it back, and why.
    - `gather_s`: alerts of its service within so many seconds are one problem; 0: each is one of its own.
    - `by`: the person who wants it opened. Then nothing damps it or holds it back.
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
    held: Held | None = None
    gather_s: float = 0.0
    by: str = ""
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of an alert: its number, and the opening it belongs to, if there is one; `joined`, or opened."""

    alert: int
    opening: int | None
    joined: bool


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
    if not told.firing or not told.runbook or told.gather_s or told.by:
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


@dataclass(frozen=True, kw_only=True)
class _Fate:
    """What an alert becomes: part of an opening, which it joined or not; or of none; `why` ends with the reason."""

    why: str
    opening: int | None = None
    joined: bool = False
    held_until: datetime | None = None


def _take(session: Connection, redact: Redactor, source: str, told: Told) -> Taken:
    fate = _fate(session, redact, source, told) if told.runbook else _Fate(why=told.why)
    more = _written(redact, told)
    texts = [source, told.fingerprint, "firing" if told.firing else "resolved", redact.text(told.title)]
    where = [told.severity, redact.text(told.service), told.environment]
    became = [fate.why, fate.opening, fate.joined, fate.held_until]
    ((alert,),) = session.execute(_ALERT, [*texts, *where, more, told.runbook, *became]).fetchall()
    return Taken(alert=int(str(alert)), opening=fate.opening, joined=fate.joined)


def _fate(session: Connection, redact: Redactor, source: str, told: Told) -> _Fate:
    asked = _asked(session, redact, source, told)
    if open_now := find_open(session, asked):
        return _Fate(why=told.why, opening=open_now.opening, joined=True)
    before = last(session, asked)
    if not told.firing:
        # That it is over opens nothing, and belongs to what it ended, also afterwards.
        return _Fate(why=told.why, opening=before.opening, joined=True) if before else _Fate(why=told.why)
    if before and not told.by and (damped := before.damps(told.urgent)):
        return _Fate(why=f"{told.why} {damped}", opening=before.opening, joined=True)
    if back := _held(session, redact, told):
        return _Fate(why=f"{told.why} {back.why}", held_until=back.until)
    if before and before.of_late:
        asked = replace(asked, reason=f"{asked.reason} ({before.comes_and_goes})")
    opened = open_or_join(session, redact, asked)
    return _Fate(why=told.why, opening=opened.opening, joined=not opened.new)


def _asked(session: Connection, redact: Redactor, source: str, told: Told) -> Asked:
    alerted = Alerted(
        fingerprint=told.fingerprint,
        firing=told.firing,
        # As it is stored: what is masked there is masked here.
        service=redact.text(told.service),
        runbook=told.runbook,
        environment=told.environment,
    )
    return Asked(
        runbook=told.runbook,
        environment=told.environment,
        actor=f"alert:{source}",
        reason=f"{source}: {told.title}{f' (again, asked for by {told.by})' if told.by else ''}",
        problem=problem(session, alerted, told.gather_s),
    )


def _held(session: Connection, redact: Redactor, told: Told) -> Held | None:
    """What holds it back just now: the configuration, or a person."""
    if told.urgent or told.by:
        return None
    return told.held or held(session, told.fingerprint, told.environment, redact.text(told.service))
