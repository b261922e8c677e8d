"""What we ask a Postgres server about VACUUM: does it come, and does it remove anything when it comes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.check import check
from tasks.model import Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.locks.checks import LONG_TRANSACTION
from tasks.postgres.queries import AUTOVACUUM, TABLE_CARE, XMIN_HOLDERS
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables import AUTOVACUUM_COMES_S, LARGE_ROWS, VACUUM_LAG
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, session, span

# Every statement holds dead rows back for as long as it takes.
NOTICEABLE_S = 1.0

OVERDUE_TABLES = Threshold(
    warn=1,
    bad=10,
    because="Owner: the DBA. Tables over twice the dead rows at which autovacuum comes, and for half an hour it "
    "came for none of them. One is a table that needs settings of its own; ten mean that autovacuum does not keep up.",
)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What keeps dead rows from being removed, and the tables that VACUUM visited in vain since."""

    holder: Row
    held_s: float
    tables: Sequence[Row]


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


def holding(postgres: PostgresServer) -> list[Held]:
    """Whoever holds dead rows back, and the tables that VACUUM visited in vain since; the longest first.

    Raises:
        Refused: other people's sessions are hidden from us; the remedy is the GRANT.
    """
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    holders = [row for row in postgres.rows(XMIN_HOLDERS, at_least_s=NOTICEABLE_S) if not row["ours"]]
    if not holders:
        return []
    dead = [row for row in postgres.rows(TABLE_CARE, at_least=LARGE_ROWS) if _full(row)]
    found = [Held(holder=row, held_s=_held_s(row), tables=_in_vain(row, dead)) for row in holders]
    return sorted((one for one in found if one.tables), key=lambda one: -one.held_s)


def _held_s(holder: Row) -> float:
    return number(holder["held_s"])


def _in_vain(holder: Row, dead: Sequence[Row]) -> list[Row]:
    """The tables that were vacuumed since this holder began and are full all the same."""
    if holder["held_s"] is None:
        return [row for row in dead if number(row["vacuumed_s"]) < AUTOVACUUM_COMES_S]
    # Asked one after the other: on a busy server a second may lie between the two clocks.
    began_s = number(holder["at_s"]) - _held_s(holder)
    return [row for row in dead if number(row["at_s"]) - number(row["vacuumed_s"]) > began_s]


def _full(row: Row) -> bool:
    return number(row["dead"]) >= LARGE_ROWS and number(row["vacuum_lag"]) >= 1


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


def named(holder: Row) -> str:
    """Who holds, as a person finds it."""
    match holder["kind"]:
        case "prepared transaction":
            return f"the prepared transaction {holder['gid']!r} of {holder['user']}"
        case "slot":
            return f"the {holder['state']} replication slot {holder['slot']}"
        case "standby":
            return f"the standby {session(holder)} with hot_standby_feedback"
    return f"{session(holder)}, {holder['state'] or holder['backend_type']},"
