"""Looks at pg_stat_statements, and how two of them are compared: how long did a statement take *since then*?

Its counters only grow. A mean over all of them still shows last month's trouble, and hides what began a minute ago.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from tasks.model import Finding, Json, Row
from tasks.postgres.statements.queries import FORGOTTEN_STATEMENTS, STATEMENT_STATISTICS, STATEMENTS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# So many statements, by total time, are remembered from look to look. What ranks below costs the server little.
REMEMBERED = 100
# A handful of calls says nothing about the next one.
ENOUGH_CALLS = 5


@dataclass(frozen=True, kw_only=True)
class Span:
    """What one statement did in a length of time."""

    calls: int
    total_s: float
    over_s: float
    pages: float
    pages_read: float  # from the disk, or written to it for later

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
    if there["outdated"]:
        return Finding.unknown(
            f"{postgres.address}: pg_stat_statements is {there['outdated']} in the database {there['database']}, as it "
            "was before an upgrade of the server.",
            remedy="As its owner or a superuser, in that database: ALTER EXTENSION pg_stat_statements UPDATE;",
        )
    return str(there["schema"])


def look(postgres: PostgresServer, schema: str, keys: Collection[str] = ()) -> dict[str, Row]:
    """The counters of the statements that took most time, and of those in `keys`, by statement."""
    rows = postgres.rows(in_schema(STATEMENTS, schema), keys=list(keys), most=REMEMBERED)
    return {str(row["key"]): row for row in rows}


def shows_waits(postgres: PostgresServer) -> bool:
    """Does a session show which statement it executes? Not on 13, and not with compute_query_id = off."""
    return bool(postgres.rows(STATEMENT_STATISTICS)[0]["numbers_sessions"])


def forgotten(postgres: PostgresServer, schema: str) -> Row | None:
    """How often (`times`) statements were forgotten because there was `room` for no more. None: 13 does not tell."""
    if not postgres.rows(STATEMENT_STATISTICS)[0]["counts_forgotten"]:
        return None
    return postgres.rows(in_schema(FORGOTTEN_STATEMENTS, schema))[0]


def in_schema(query: str, schema: str) -> str:
    """`query` with the extension's own schema; the server has quoted the name."""
    return query.replace("{schema}", schema.replace("%", "%%"))


def since(now: Row, before: Json) -> Span | None:
    """What happened after `before`, a look as `remembered`. None: the counter did not run through."""
    if not _told(before):
        return None
    calls, total_s, at_s, pages, pages_read = (number(value) for value in before)
    age_s = number(now["at_s"]) - at_s
    # Counted anew since: after a reset, a failover, or because the view was full and forgot it for a while.
    if number(now["calls"]) < calls or number(now["total_s"]) < total_s or number(now["counted_for_s"]) < age_s:
        return None
    return Span(
        calls=int(number(now["calls"]) - calls),
        total_s=number(now["total_s"]) - total_s,
        over_s=age_s,
        pages=number(now["pages"]) - pages,
        pages_read=number(now["pages_read"]) - pages_read,
    )


def new_since(now: Row, before: Mapping[str, Json]) -> Span | None:
    """What a statement did that the last look, `before`, did not know. None: that look may have left it out."""
    if not 0 < len(before) < REMEMBERED:
        return None
    looked_at_s = max((number(told[2]) for told in before.values() if _told(told)), default=0.0)
    began = whole(now)
    return dataclasses.replace(began, over_s=min(began.over_s, number(now["at_s"]) - looked_at_s))


def whole(now: Row) -> Span:
    """What happened since the counting began."""
    return Span(
        calls=int(number(now["calls"])),
        total_s=number(now["total_s"]),
        over_s=number(now["counted_for_s"]),
        pages=number(now["pages"]),
        pages_read=number(now["pages_read"]),
    )


def remembered(row: Row) -> list[Json]:
    """What the next look needs to know of this one."""
    return [row["calls"], row["total_s"], row["at_s"], row["pages"], row["pages_read"]]


def _told(before: Json) -> TypeGuard[Sequence[Json]]:
    """Is this a look as `remembered` now? Earlier releases remembered less."""
    return isinstance(before, list | tuple) and len(before) == 5
