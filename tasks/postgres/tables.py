"""What we ask a Postgres server about its tables: read whole too often, statistics out of date, full of dead rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.check import check
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict
from tasks.postgres.missing_indexes import LARGE_BYTES
from tasks.postgres.queries import SCAN_COUNTING, TABLE_CARE, TABLE_SCANS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, count, span

# In smaller tables a wrong estimate or a dead row costs nothing.
LARGE_ROWS = 10_000
# Autovacuum looks at every database once a minute; what waits for half an hour will not be done by itself.
AUTOVACUUM_COMES_S = 1800.0
SHORTEST_LOOK_S = 60.0

SCAN_RATE = Threshold(
    warn=60,
    bad=3600,
    because="Owner: the team on call. A nightly report reads a large table whole, and rightly so; once a minute is a "
    "page that misses an index, once a second a busy one.",
)
ANALYZE_LAG = Threshold(
    warn=2,
    bad=5,
    because="Owner: the DBA. In multiples of the changes at which autovacuum analyses a table (10 % of its rows, "
    "unless set otherwise): from twice on it falls behind, at five times half of the table is new to the planner.",
)
VACUUM_LAG = Threshold(
    warn=2,
    bad=5,
    because="Owner: the DBA. In multiples of the dead rows at which autovacuum cleans a table (20 % of its rows, "
    "unless set otherwise): from twice on it falls behind, at five times half of what a scan reads is dead.",
)


@check
def check_sequential_scans(
    postgres: PostgresServer, per_hour: Threshold = SCAN_RATE, earlier: Earlier | None = None
) -> Finding:
    """Is a large table read from end to end all the time?

    Counted since the last look, in tables from 8 MiB; at the first look counting begins. Never worse than WARN: reading
    a table whole may be right, and whether it hurts is what check_slow_statements says.
    """
    now = postgres.rows(TABLE_SCANS, at_least=LARGE_BYTES)
    at_s = number(postgres.rows(SCAN_COUNTING)[0]["at_s"])

    before = earlier.facts if earlier and earlier.facts.get("server") == postgres.address else {}
    known = before.get("scans")
    over_s = max(at_s - number(before.get("at_s")), SHORTEST_LOOK_S)
    rows = [{**row, "per_hour": _more(row, known) / over_s * HOUR_S} for row in now]
    rows.sort(key=lambda row: -number(row["per_hour"]))
    most = number(rows[0]["per_hour"]) if rows else 0.0
    return Finding(
        verdict=min(per_hour.judge(most), Verdict.WARN),
        says=_scanned(rows, most, before, over_s),
        value=most,
        unit="1/h",
        facts={"server": postgres.address, "at_s": at_s, "scans": {str(row["key"]): row["scans"] for row in now}},
        rows=[row for row in rows if per_hour.judge(number(row["per_hour"]))],
    )


@check
def check_stale_statistics(postgres: PostgresServer, changed: Threshold = ANALYZE_LAG) -> Finding:
    """Does the planner believe what is no longer so?

    Tables from 10,000 rows. While autovacuum is on and looked at the table within half an hour (or never yet, as after
    a restore), it is given time, and the answer is never worse than WARN.
    """
    rows = [row for row in postgres.rows(TABLE_CARE, at_least=LARGE_ROWS) if changed.judge(number(row["analyze_lag"]))]
    verdicts = [_cared(changed.judge(number(row["analyze_lag"])), row, "analyzed_s", "ever_analyzed") for row in rows]
    return _behind(rows, verdicts, "analyze_lag", "its statistics", changed)


@check
def check_dead_rows(postgres: PostgresServer, dead: Threshold = VACUUM_LAG) -> Finding:
    """Are tables full of rows that are dead, because VACUUM falls behind?

    Tables from 10,000 rows, those being vacuumed now left out. While autovacuum is on and cleaned the table within half
    an hour, it is given time, and the answer is never worse than WARN. If VACUUM runs and removes nothing, an old
    transaction holds the rows: database/blocked-sessions asks about that.
    """
    rows = [
        row
        for row in postgres.rows(TABLE_CARE, at_least=LARGE_ROWS)
        if dead.judge(number(row["vacuum_lag"])) and not row["in_vacuum"]
    ]
    verdicts = [_cared(dead.judge(number(row["vacuum_lag"])), row, "vacuumed_s", "automatic") for row in rows]
    return _behind(rows, verdicts, "vacuum_lag", "VACUUM", dead)


def _more(row: Row, known: Json) -> float:
    """Scans since the last look; none of a table that was not there, or whose count was reset."""
    before = known.get(str(row["key"])) if isinstance(known, Mapping) else None
    return max(0.0, number(row["scans"]) - number(before)) if before is not None else 0.0


def _scanned(rows: Sequence[Row], most: float, before: Row, over_s: float) -> str:
    tables = count(len(rows), "large table")
    if not before:
        return f"{tables}; from now on it is counted how often they are read whole."
    if not most:
        return f"{tables}, none read whole since the last look {span(over_s)} ago."
    return f"{tables}; {rows[0]['table']} is read whole {most:,.0f} times an hour since the last look."


def _cared(verdict: Verdict, row: Row, since: str, seen: str) -> Verdict:
    given_time = row["automatic"] and (number(row[since]) < AUTOVACUUM_COMES_S or not row[seen])
    return min(verdict, Verdict.WARN) if given_time else verdict


def _behind(rows: Sequence[Row], verdicts: Sequence[Verdict], lag: str, what: str, limit: Threshold) -> Finding:
    worst = max(rows, key=lambda row: number(row[lag]), default=None)
    if worst is None:
        says = f"No table is behind with {what} (bad from {limit.bad:g} times what makes autovacuum come)."
    else:
        off = "" if worst["automatic"] else "; autovacuum is switched off for it"
        says = (
            f"{count(len(rows), 'table')} behind with {what}, the worst {worst['schema']}.{worst['table']} at "
            f"{number(worst[lag]):,.1f} times what makes autovacuum come (bad from {limit.bad:g}){off}."
        )
    return Finding(
        verdict=max(verdicts, default=Verdict.OK),
        says=says,
        value=number(worst[lag]) if worst else 0.0,
        unit="times",
        rows=rows,
    )
