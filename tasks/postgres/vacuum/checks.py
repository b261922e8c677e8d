"""What we ask a Postgres server about VACUUM and ANALYZE: do they come, and do they change anything when they come?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.left_out import NAMED
from tasks.postgres.locks.checks import LONG_TRANSACTION
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.holders import AUTOVACUUM_COMES_S, LARGE_ROWS, Held, holding, named
from tasks.postgres.vacuum.queries import AUTOVACUUM, TABLE_CARE
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

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

OVERDUE_TABLES = Threshold(
    warn=1,
    bad=10,
    because="Owner: the DBA. Tables over twice the dead rows at which autovacuum comes, and for half an hour it "
    "came for none of them. One is a table that needs settings of its own; ten mean that autovacuum does not keep up.",
)


@check
def check_stale_statistics(postgres: PostgresServer, changed: Threshold = ANALYZE_LAG) -> Finding:
    """Does the planner believe what is no longer so?

    Tables from 10,000 rows. While autovacuum is on and looked at the table within half an hour (or never yet, as after
    a restore), it is given time, and the answer is never worse than WARN. So it is where a crash, an upgrade or a
    failover has emptied the counters that this goes by.
    """
    tables = postgres.rows(TABLE_CARE, at_least=LARGE_ROWS)
    rows = [row for row in tables if changed.judge(number(row["analyze_lag"]))]
    verdicts = [_cared(changed.judge(number(row["analyze_lag"])), row, "analyzed_s", "ever_analyzed") for row in rows]
    return _uncounted(_behind(rows, verdicts, "analyze_lag", "its statistics", changed), tables)


@check
def check_dead_rows(postgres: PostgresServer, dead: Threshold = VACUUM_LAG) -> Finding:
    """Are tables full of rows that are dead, because VACUUM falls behind?

    Tables from 10,000 rows, those being vacuumed now left out. While autovacuum is on and cleaned the table within half
    an hour, it is given time, and the answer is never worse than WARN. If VACUUM runs and removes nothing, an old
    transaction holds the rows: database/blocked-sessions asks about that. Where a crash, an upgrade or a failover has
    emptied the counters it is WARN: nobody knows how many rows are dead, and autovacuum does not come for them.
    """
    tables = postgres.rows(TABLE_CARE, at_least=LARGE_ROWS)
    rows = [row for row in tables if dead.judge(number(row["vacuum_lag"])) and not row["in_vacuum"]]
    verdicts = [_cared(dead.judge(number(row["vacuum_lag"])), row, "vacuumed_s", "automatic") for row in rows]
    return _uncounted(_behind(rows, verdicts, "vacuum_lag", "VACUUM", dead), tables)


@check
def check_autovacuum(postgres: PostgresServer, overdue: Threshold = OVERDUE_TABLES) -> Finding:
    """Does autovacuum keep up?

    Tables from 10,000 rows beyond twice their own trigger (their own settings and Postgres 18's cap counted) that
    nobody vacuumed for half an hour, those being vacuumed now left out. Worse when autovacuum is switched off, or when
    all its workers have been busy for half an hour. On a standby the primary does this work.
    """
    if blind := postgres.blind():
        return blind
    now = postgres.rows(AUTOVACUUM)[0]
    tables = [] if now["standby"] else [row for row in postgres.rows(TABLE_CARE, at_least=LARGE_ROWS) if _overdue(row)]

    off = not (now["on"] and now["counts"]) and not now["standby"]
    saturated = number(now["working"]) >= number(now["most"]) and number(now["youngest_s"]) >= AUTOVACUUM_COMES_S
    verdict = overdue.judge(len(tables))
    if tables and (off or saturated):
        verdict = Verdict.BAD
    return Finding(
        verdict=max(verdict, Verdict.WARN) if off else verdict,
        says=_kept_up(now, off, saturated, tables, overdue),
        value=float(len(tables)),
        unit="tables",
        facts=now,
        rows=tables,
    )


@check
def check_vacuum_held_back(postgres: PostgresServer, held: Threshold = LONG_TRANSACTION) -> Finding:
    """Does VACUUM come and remove nothing, because something old may still want to see the dead rows?

    Judged is how long the oldest transaction, prepared transaction or slot has held them, once VACUUM has visited a
    table of 10,000 rows or more since and left more dead rows than it comes for. What holds without such a table harms
    nobody yet. Of a slot before Postgres 17 nobody knows since when: it is WARN.
    """
    worst = next(iter(holding(postgres)), None)
    if worst is None:
        return Finding(
            verdict=Verdict.OK,
            says=f"Nothing old keeps VACUUM from removing dead rows (bad from {limit(held.bad)}).",
            value=0.0,
            unit="s",
        )
    dated = worst.holder["held_s"] is not None
    return Finding(
        verdict=held.judge(worst.held_s) if dated else Verdict.WARN,
        says=_held_back(worst, held),
        value=worst.held_s,
        unit="s",
        facts={"dead": sum(number(row["dead"]) for row in worst.tables), "tables": len(worst.tables)},
        rows=[worst.holder, *worst.tables],
    )


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


def _uncounted(finding: Finding, tables: Sequence[Row]) -> Finding:
    """`finding`, with the tables whose rows and changes the counters have forgotten: nothing can be said of those."""
    rows = [row for row in tables if row["uncounted"]]
    if not rows:
        return finding
    names = ", ".join(f"{row['schema']}.{row['table']}" for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    says = (
        f"{finding.says} Unknown, for us and for autovacuum, is the state of {names}{more}: the counters are "
        f"{span(number(rows[0]['counted_for_s']))} old, since {rows[0]['began']}, and ANALYZE has not counted anew."
    )
    return dataclasses.replace(
        finding,
        verdict=max(finding.verdict, Verdict.WARN),
        says=says,
        rows=[*finding.rows, *(row for row in rows if row not in finding.rows)],
        remedy=" ".join(f"ANALYZE {row['ident']};" for row in rows) if not more else "ANALYZE;",
    )


def _overdue(row: Row) -> bool:
    late = number(row["vacuumed_s"]) >= AUTOVACUUM_COMES_S
    return number(row["vacuum_lag"]) >= VACUUM_LAG.warn and late and not row["in_vacuum"]


def _kept_up(now: Row, off: bool, saturated: bool, tables: Sequence[Row], overdue: Threshold) -> str:
    if now["standby"]:
        return "This is a standby: its primary vacuums for it."
    workers = f"{int(number(now['working']))} of {int(number(now['most']))} workers are busy"
    if off:
        workers = "autovacuum is switched off" if not now["on"] else "track_counts is off, so autovacuum does nothing"
    elif saturated:
        workers = (
            f"each of its workers ({int(number(now['most']))}) has been busy for {span(number(now['youngest_s']))}"
        )
    if not tables:
        return f"No table waits for autovacuum for too long (bad from {overdue.bad:g}); {workers}."
    worst = max(tables, key=lambda row: number(row["vacuum_lag"]))
    return (
        f"{count(len(tables), 'table', 'wait')} for autovacuum for too long (bad from {overdue.bad:g}), the worst "
        f"{worst['schema']}.{worst['table']} at {number(worst['vacuum_lag']):,.1f} times what makes it come; {workers}."
    )


def _held_back(worst: Held, held: Threshold) -> str:
    most = max(worst.tables, key=lambda row: number(row["dead"]))
    dead = sum(number(row["dead"]) for row in worst.tables)
    since = f"for {span(worst.held_s)}" if worst.holder["held_s"] is not None else "since nobody knows when"
    return (
        f"VACUUM cannot remove {dead:,.0f} dead rows (most of them in {most['schema']}.{most['table']}): "
        f"{named(worst.holder)} holds them {since} (bad from {limit(held.bad)})."
    )
