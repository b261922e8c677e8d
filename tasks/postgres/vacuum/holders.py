"""Who holds dead rows back, so that VACUUM comes and removes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.model import Refused, Row
from tasks.postgres.signals import command, decided_by_hand
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.queries import TABLE_CARE, XMIN_HOLDERS
from tasks.postgres.values import number
from tasks.postgres.words import prepared, session

# In smaller tables a wrong estimate or a dead row costs nothing.
LARGE_ROWS = 10_000
# Autovacuum looks at every database once a minute; what waits for half an hour will not be done by itself.
AUTOVACUUM_COMES_S = 1800.0

# Every statement holds dead rows back for as long as it takes.
NOTICEABLE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Held:
    """What keeps dead rows from being removed, and the tables that VACUUM visited in vain since."""

    holder: Row
    held_s: float
    tables: Sequence[Row]


def holding(postgres: PostgresServer) -> list[Held]:
    """Whoever holds dead rows back, and the tables that VACUUM visited in vain since; the longest first.

    Raises:
        Refused: other people's sessions are hidden from us; the remedy is the GRANT.
    """
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    holders = [row for row in postgres.rows(XMIN_HOLDERS, at_least_s=NOTICEABLE_S, everywhere=False) if not row["ours"]]
    if not holders:
        return []
    dead = [row for row in postgres.rows(TABLE_CARE, at_least=LARGE_ROWS) if _full(row)]
    found = [Held(holder=row, held_s=_held_s(row), tables=_in_vain(row, dead)) for row in holders]
    return sorted((one for one in found if one.tables), key=lambda one: -one.held_s)


def named(holder: Row) -> str:
    """Who holds, as a person finds it."""
    match holder["kind"]:
        case "prepared transaction":
            return prepared(holder)
        case "slot":
            return f"the {holder['state']} replication slot {holder['slot']}"
        case "temporary table":
            return f"the temporary table {holder['table']} of {_its_session(holder)}"
        case "standby":
            return f"the standby {session(holder)} with hot_standby_feedback"
    return f"{session(holder)}, {holder['state'] or holder['backend_type']},"


def freed_by_hand(holder: Row) -> str:
    """What a person does so that it holds no longer."""
    match holder["kind"]:
        case "prepared transaction":
            return decided_by_hand(holder)
        case "slot":
            return f"See that its consumer reads on; if that is gone for good: {holder['by_hand']}"
        case "standby":
            return "End the oldest query on that standby, or set hot_standby_feedback = off there."
        case "temporary table" if holder["pid"] is None:
            return "Have it dropped by its session, or end that one: a VACUUM by anybody else passes it by."
        case "temporary table":
            return f"Have it dropped by its session, or end that one: {_line(holder)}"
    return f"Ask its owner to end it; by hand: {_line(holder)}"


def _line(holder: Row) -> str:
    return " ".join(command("pg_terminate_backend", holder).line.split())


def _its_session(holder: Row) -> str:
    return f"{session(holder)}, {holder['state']}" if holder["pid"] is not None else f"a session of {holder['owner']}"


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
