"""Looks at pg_stat_statements, and how two of them are compared: how long did a statement take *since then*?

Its counters only grow. A mean over all of them still shows last month's trouble, and hides what began a minute ago.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tasks.model import Finding, Json, Row
from tasks.postgres.queries import FORGOTTEN_STATEMENTS, STATEMENT_STATISTICS, STATEMENTS
from tasks.postgres.system import PostgresServer

# So many statements, by total time, are remembered from look to look. What ranks below costs the server little.
REMEMBERED = 100
# A handful of calls says nothing about the next one.
ENOUGH_CALLS = 5
# How long we watch with our own eyes at most. Long enough for a few calls of whatever a site calls all the time.
SAMPLE_S = 3.0
POLL_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Span:
    """What one statement did in a length of time."""

    calls: int
    total_s: float
    over_s: float

    @property
    def mean_s(self) -> float:
        return self.total_s / self.calls if self.calls else 0.0


def statistics_schema(postgres: PostgresServer) -> str | Finding:
    """The schema of pg_stat_statements, quoted; or UNKNOWN with what makes it visible."""
    if blind := postgres.blind():
        return blind
    there = postgres.rows(STATEMENT_STATISTICS)[0]
    if not there["preloaded"]:
        return Finding.unknown(
            f"{postgres.address} does not count statements: pg_stat_statements is not preloaded.",
            remedy="Add pg_stat_statements to shared_preload_libraries (keep what stands there) and restart the "
            "server; at Supabase, RDS and Cloud SQL it is a switch. Then: CREATE EXTENSION pg_stat_statements;",
        )
    if there["schema"] is None:
        return Finding.unknown(
            f"{postgres.address} counts statements, yet the database {there['database']} has no view of them.",
            remedy="As a superuser, in that database: CREATE EXTENSION pg_stat_statements;",
        )
    if not there["usable"]:
        return Finding.unknown(
            f"{postgres.address}: pg_stat_statements is in the schema {there['schema']}, which is closed to us.",
            remedy=str(there["grant_usage"]),
        )
    return str(there["schema"])


def look(postgres: PostgresServer, schema: str, keys: Collection[str] = ()) -> dict[str, Row]:
    """The counters of the statements that took most time, and of those in `keys`, by statement."""
    rows = postgres.rows(in_schema(STATEMENTS, schema), keys=list(keys), most=REMEMBERED)
    return {str(row["key"]): row for row in rows}


def forgotten(postgres: PostgresServer, schema: str) -> Row | None:
    """How often (`times`) statements were forgotten because there was `room` for no more. None: 13 does not tell."""
    if not postgres.rows(STATEMENT_STATISTICS)[0]["counts_forgotten"]:
        return None
    return postgres.rows(in_schema(FORGOTTEN_STATEMENTS, schema))[0]


def in_schema(query: str, schema: str) -> str:
    """`query` with the extension's own schema; the server has quoted the name."""
    return query.replace("{schema}", schema.replace("%", "%%"))


def since(now: Row, before: Json) -> Span | None:
    """What happened after `before` (calls, total, time of that look). None: the counter did not run through."""
    if not isinstance(before, list | tuple) or len(before) != 3:
        return None
    calls, total_s, at_s = (number(value) for value in before)
    age_s = number(now["at_s"]) - at_s
    # Counted anew since: after a reset, a failover, or because the view was full and forgot it for a while.
    if number(now["calls"]) < calls or number(now["total_s"]) < total_s or number(now["counted_for_s"]) < age_s:
        return None
    return Span(calls=int(number(now["calls"]) - calls), total_s=number(now["total_s"]) - total_s, over_s=age_s)


def new_since(now: Row, before: Mapping[str, Json]) -> Span | None:
    """What a statement did that the last look, `before`, did not know. None: that look may have left it out."""
    if not 0 < len(before) < REMEMBERED:
        return None
    looks = (told for told in before.values() if isinstance(told, list | tuple) and len(told) == 3)
    looked_at_s = max((number(told[2]) for told in looks), default=0.0)
    began = whole(now)
    return Span(calls=began.calls, total_s=began.total_s, over_s=min(began.over_s, number(now["at_s"]) - looked_at_s))


def whole(now: Row) -> Span:
    """What happened since the counting began."""
    return Span(calls=int(number(now["calls"])), total_s=number(now["total_s"]), over_s=number(now["counted_for_s"]))


def remembered(row: Row) -> list[Json]:
    """What the next look needs to know of this one."""
    return [row["calls"], row["total_s"], row["at_s"]]


def sample(postgres: PostgresServer, schema: str, first: Mapping[str, Row]) -> dict[str, Span]:
    """Watch these statements until each was called often enough to judge, for SAMPLE_S at most."""
    until = time.monotonic() + SAMPLE_S
    while True:
        time.sleep(POLL_S)
        now = look(postgres, schema, first)
        spans = {key: since(now[key], remembered(row)) for key, row in first.items() if key in now}
        seen = {key: span for key, span in spans.items() if span is not None}
        if time.monotonic() > until or all(span.calls >= ENOUGH_CALLS for span in seen.values()):
            return seen


def number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
