"""What we ask a Postgres server about its tables: read whole too often, statistics out of date, full of dead rows."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.queries import TABLE_CARE
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count

# In smaller tables a wrong estimate or a dead row costs nothing.
LARGE_ROWS = 10_000
# Autovacuum looks at every database once a minute; what waits for half an hour will not be done by itself.
AUTOVACUUM_COMES_S = 1800.0

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
