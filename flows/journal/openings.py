"""Openings: the one door by which an incident is opened, whoever asks; two who ask at once get the same incident.

1. What is asked for is looked up among what is open: joined, if it is there; else recorded, in one transaction.
2. A run is created for what was recorded, as often as it takes, under a key of its own.
3. A run that nobody asked for in advance, as by a button of Prefect's, is registered when it begins.

None of it costs more when there were more incidents before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from flows.journal.connection import Connection, session_of
from flows.journal.locks import lock_key
from flows.journal.redact import Redactor

# As many of a runbook may be open at once in one environment and still be found by a watch.
LOOKED_THROUGH = 200

# Over when its last run is: recorded as closed, or retired since.
IS_OPEN = """
    (d.run IS NULL OR NOT EXISTS (SELECT FROM incident.entries AS e
                                   WHERE e.incident = d.run AND e.kind IN ('closed', 'retired')))
"""
LAST_RUN = """
    LEFT JOIN LATERAL (SELECT run, attempt FROM incident.dispatched
                        WHERE opening = o.opening ORDER BY attempt DESC LIMIT 1) AS d ON true
"""
OF_THIS = f"""
    SELECT o.opening, coalesce(d.run, ''), coalesce(d.attempt, 0)
      FROM (SELECT opening FROM incident.openings
             WHERE (runbook, environment, problem) = (%(runbook)s, %(environment)s, %(problem)s)
             ORDER BY opening DESC LIMIT 1) AS o
      {LAST_RUN} WHERE {IS_OPEN}
"""  # noqa: S608 - constant
# A watch joins whatever is open of its runbook; an alert what was opened for no alert in particular.
_OF_ANY = f"""
    SELECT o.opening, coalesce(d.run, ''), coalesce(d.attempt, 0)
      FROM (SELECT opening, problem FROM incident.openings
             WHERE (runbook, environment) = (%(runbook)s, %(environment)s)
             ORDER BY opening DESC LIMIT {LOOKED_THROUGH}) AS o
      {LAST_RUN}
     WHERE (o.problem = '' OR %(problem)s = '') AND {IS_OPEN}
     ORDER BY o.opening DESC LIMIT 1
"""  # noqa: S608 - constant
# The runs that are open of each of several runbooks, but for those of an alert's own problem. A watch joins what is
# open, so its own is the newest, unless people began some since; further back nobody looks, however many there were.
NEWEST_OF_EACH = 5
_OPEN_OF = f"""
    SELECT asked.runbook, d.run
      FROM unnest(%(runbooks)s::text[]) AS asked (runbook)
     CROSS JOIN LATERAL (SELECT opening FROM incident.openings
                          WHERE (runbook, environment, problem) = (asked.runbook, %(environment)s, '')
                          ORDER BY opening DESC LIMIT {NEWEST_OF_EACH}) AS o
      {LAST_RUN}
     WHERE d.run IS NOT NULL AND {IS_OPEN}
"""  # noqa: S608 - constant
_BY_ALERTS = """
    SELECT asked.runbook, asked.environment FROM unnest(%s::text[], %s::text[]) AS asked (runbook, environment)
     WHERE EXISTS (SELECT FROM incident.openings AS o
                    WHERE (o.runbook, o.environment) = (asked.runbook, asked.environment)
                      AND starts_with(o.actor, 'alert:'))
"""
_RECORD = """
    INSERT INTO incident.openings (runbook, environment, problem, actor, reason)
    VALUES (%(runbook)s, %(environment)s, %(problem)s, %(actor)s, %(reason)s) RETURNING opening
"""
_DISPATCHED = """
    INSERT INTO incident.dispatched (opening, attempt, run) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_REGISTERED = "SELECT FROM incident.dispatched WHERE run = %s"
# Recorded and without a run, or with one that has not begun, and may have ended before it did.
_WAITING = """
    SELECT o.opening, o.runbook, o.environment, o.problem, o.actor, o.reason,
           coalesce(d.attempt, 0), coalesce(d.run, '')
      FROM incident.openings AS o
      LEFT JOIN LATERAL (SELECT run, attempt, at FROM incident.dispatched
                          WHERE opening = o.opening ORDER BY attempt DESC LIMIT 1) AS d ON true
     WHERE o.opening > (SELECT coalesce(max(opening), 0) FROM incident.openings) - %(newest)s
       AND (d.run IS NULL
            OR (d.at < clock_timestamp() - make_interval(secs => least(%(at_most_s)s, %(first_s)s * 2 ^ d.attempt))
                AND NOT EXISTS (SELECT FROM incident.entries AS e WHERE e.incident = d.run)))
     ORDER BY o.opening
"""
# How many wait for their first run, since when the oldest does, and how many runs there ever were.
_BACKLOG = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(o.at)), 0),
           (SELECT count(*) FROM incident.dispatched)
      FROM incident.openings AS o
     WHERE o.opening > (SELECT coalesce(max(opening), 0) FROM incident.openings) - %(newest)s
       AND NOT EXISTS (SELECT FROM incident.dispatched AS d WHERE d.opening = o.opening)
"""
# A run that ends before it begins, as where the configuration is wrong, is followed by another ever more seldom.
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 600.0
# Looked through are the newest so many: it is asked every few seconds, whatever there was before.
NEWEST = 10_000
_LIMITS = {"newest": NEWEST, "first_s": FIRST_WAIT_S, "at_most_s": LONGEST_WAIT_S}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An incident that somebody asks for. `problem` tells alerts apart; empty, it is the runbook's own."""

    runbook: str
    environment: str
    actor: str
    reason: str
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What became of it: `new`, or joined. `run`, its last so far, is empty until Prefect has one."""

    opening: int
    new: bool
    run: str = ""
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A recorded opening that no run has begun to live through; `run` is the last that was created for it."""

    opening: int
    asked: Asked
    attempt: int
    run: str


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Openings without a run, for how long the oldest has waited, and how many runs were ever created."""

    waiting: int
    oldest_s: float
    dispatched: int


def backlog(session: Connection) -> Backlog:
    """What waits at this moment."""
    ((waiting, oldest_s, dispatched),) = session.execute(_BACKLOG, _LIMITS).fetchall()
    return Backlog(waiting=int(str(waiting)), oldest_s=float(str(oldest_s)), dispatched=int(str(dispatched)))


class Openings:
    """The openings in the database at `url`. Every method raises JournalUnavailable where that does not answer."""

    def __init__(self, url: SecretStr, redact: Redactor) -> None:
        self._url = url
        self._redact = redact

    def ask(self, asked: Asked) -> Opening:
        """The open incident of this problem, or a new one."""
        with session_of(self._url) as session, session.transaction():
            return open_or_join(session, self._redact, asked)

    def open_of(self, environment: str, runbooks: Iterable[str]) -> list[tuple[str, str]]:
        """Which of these runbooks is open there without an alert's problem, and its run; as often as it has several."""
        given = {"environment": environment, "runbooks": list(runbooks)}
        with session_of(self._url) as session:
            return [(str(runbook), str(run)) for runbook, run in session.execute(_OPEN_OF, given)]

    def waiting(self) -> list[Waiting]:
        """What no run has begun to live through, the oldest first."""
        with session_of(self._url) as session:
            return list(map(_waiting, session.execute(_WAITING, _LIMITS)))

    def dispatched(self, opening: int, attempt: int, run: str) -> None:
        """Record the run that was created. Whoever recorded it first, it is the same one."""
        with session_of(self._url) as session:
            session.execute(_DISPATCHED, [opening, attempt, run])


def open_or_join(session: Connection, redact: Redactor, asked: Asked) -> Opening:
    """Join or record, within the caller's transaction: until it commits, nobody else opens this runbook there."""
    found = find_open(session, asked)
    if found is None:
        lock = lock_key("opening", f"{asked.runbook}\0{asked.environment}")
        session.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        # Somebody else may have opened it while we waited.
        found = find_open(session, asked)
    return found or Opening(opening=_recorded(session, redact, asked), new=True)


def register(session: Connection, redact: Redactor, run: str, asked: Asked) -> None:
    """A run that lives through an incident and was not asked for here: it is open from now on, for all who ask."""
    if session.execute(_REGISTERED, [run]).rowcount:
        return
    with session.transaction():
        session.execute(_DISPATCHED, [_recorded(session, redact, asked), 1, run])


def _recorded(session: Connection, redact: Redactor, asked: Asked) -> int:
    told = {"actor": redact.text(asked.actor), "reason": redact.text(asked.reason)}
    ((opening,),) = session.execute(_RECORD, {**_place(asked), **told}).fetchall()
    return int(str(opening))


def _place(asked: Asked) -> dict[str, str]:
    return {"runbook": asked.runbook, "environment": asked.environment, "problem": asked.problem}


def by_alerts(session: Connection, wanted: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these runbooks, each with an environment, that an alert has opened there before."""
    runbooks, environments = zip(*wanted, strict=True) if wanted else ((), ())
    rows = session.execute(_BY_ALERTS, [list(runbooks), list(environments)]).fetchall()
    return {(str(runbook), str(environment)) for runbook, environment in rows}


def find_open(session: Connection, asked: Asked) -> Opening | None:
    """The open incident that such an asking belongs to."""
    for query in _queries(asked.problem):
        row = session.execute(query.encode(), _place(asked)).fetchone()
        if row:
            opening, run, attempt = row
            return Opening(opening=int(str(opening)), new=False, run=str(run), attempt=int(str(attempt)))
    return None


def _queries(problem: str) -> Iterator[str]:
    # A storm is of one problem: that look is the cheaper one.
    if problem:
        yield OF_THIS
    yield _OF_ANY


def _waiting(row: tuple[object, ...]) -> Waiting:
    opening, runbook, environment, problem, actor, reason, attempt, run = row
    asked = Asked(
        runbook=str(runbook), environment=str(environment), problem=str(problem), actor=str(actor), reason=str(reason)
    )
    return Waiting(opening=int(str(opening)), asked=asked, attempt=int(str(attempt)), run=str(run))
