"""What incidents there are, read off their entries 'opened' and 'closed'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.journal.connection import Connection
from flows.journal.entry import read_back
from tasks.model import canonical

SHORTEST_PREFIX = 4
SHOWN = 10


class NoSuchIncident(Exception):
    """No incident, or more than one, is meant."""


@dataclass(frozen=True, kw_only=True)
class IncidentSummary:
    """One incident in a list. `closed_at`, `verdict` and `says` are empty while it is open."""

    incident: str
    opened_at: str
    runbook: str
    environment: str
    severity: str
    reason: str
    closed_at: str = ""
    verdict: str = ""
    says: str = ""

    @property
    def open(self) -> bool:
        return not self.closed_at


# Bodies are compared as text and judged in Python: Postgres's own operators fail on a body that holds a \u0000.
_SUMMARIES = """
    SELECT o.incident, o.at, o.body::text, c.at, c.body::text, s.body::text
      FROM incident.entries AS o
      LEFT JOIN LATERAL (SELECT at, body FROM incident.entries
                          WHERE incident = o.incident AND kind = 'closed' ORDER BY seq LIMIT 1) AS c ON true
      LEFT JOIN LATERAL (SELECT body FROM incident.entries
                          WHERE incident = o.incident AND kind = 'severity' ORDER BY seq DESC LIMIT 1) AS s ON true
     WHERE o.kind = 'opened' AND (c.at IS NULL OR NOT %(open_only)s)
       AND NOT EXISTS (SELECT FROM incident.entries
                        WHERE incident = o.incident AND kind = 'opened' AND seq < o.seq)
       AND position(%(environment)s in o.body::text) > 0
       AND position(%(runbook)s in o.body::text) > 0
     ORDER BY o.at DESC, o.incident
"""


def summaries(
    session: Connection, *, open_only: bool, environment: str | None, runbook: str | None
) -> Iterator[IncidentSummary]:
    """The newest incident first, fetched as they are asked for."""
    wanted = {"environment": environment, "runbook": runbook}
    given: dict[str, object] = {name: _pair(name, value) for name, value in wanted.items()}
    with session.transaction(), session.cursor("summaries") as rows:
        rows.execute(_SUMMARIES, {**given, "open_only": open_only})
        for row in rows:
            found = _summary(row)
            if environment in (None, found.environment) and runbook in (None, found.runbook):
                yield found


def _pair(name: str, value: str | None) -> str:
    """How `"name":"value"` stands in a stored body; nothing if any value will do."""
    return canonical({name: value}).decode()[1:-1] if value is not None else ""


def _summary(row: tuple[object, ...]) -> IncidentSummary:
    incident, opened_at, opened, closed_at, closed, judged = row
    # What a person said last about its severity stands.
    told = {**read_back(str(opened)), **(read_back(str(judged)) if judged else {})}
    ended = read_back(str(closed)) if closed_at else {}
    first = {name: str(told.get(name) or "") for name in ("runbook", "environment", "severity", "reason")}
    last = {name: str(ended.get(name) or "") for name in ("verdict", "says")}
    return IncidentSummary(
        incident=str(incident), opened_at=str(opened_at), closed_at=str(closed_at or ""), **first, **last
    )


# Between the prefix and the prefix followed by the last character there is: an index can find that, at any version.
# Of a retired one the first entry is gone.
_MATCHING = """
    SELECT DISTINCT incident FROM incident.entries
     WHERE (seq = 1 OR kind = 'retired') AND incident >= %(prefix)s AND incident < %(prefix)s || U&'\\+10FFFF'
     ORDER BY incident LIMIT %(limit)s
"""


def matching(session: Connection, prefix: str, limit: int) -> list[str]:
    """The ids that begin with `prefix`, at most `limit` of them."""
    return [str(row[0]) for row in session.execute(_MATCHING, {"prefix": prefix, "limit": limit})]


def resolve(session: Connection, prefix: str) -> str:
    """The one incident whose id begins with `prefix`; an id written out in full always means itself.

    Raises:
        NoSuchIncident: the prefix is too short, fits none, or fits several, which are then listed.
    """
    if len(prefix) < SHORTEST_PREFIX:
        raise NoSuchIncident(
            f"{prefix!r} is too short: write at least {SHORTEST_PREFIX} characters of an incident's id."
        )
    if not prefix.isprintable():
        raise NoSuchIncident(f"No incident's id begins with {prefix!r}: it holds characters no id has.")
    found = matching(session, prefix, SHOWN + 1)
    if not found:
        raise NoSuchIncident(f"No incident's id begins with {prefix!r}. `incident timeline` without an id lists them.")
    if len(found) == 1 or found[0] == prefix:
        return found[0]
    more = " and more" if len(found) > SHOWN else ""
    raise NoSuchIncident(
        f"Several incidents begin with {prefix!r}: {', '.join(found[:SHOWN])}{more}. Write more of it."
    )
