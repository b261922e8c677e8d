"""Numbers and sessions as a person says them."""

from __future__ import annotations

from tasks.model import Row
from tasks.postgres.values import number

MINUTE_S = 60
HOUR_S = 3600


def span(seconds: float) -> str:
    """A duration, rounded down: what has not reached a limit is not shown as having reached it."""
    if seconds < 2 * MINUTE_S:
        return f"{int(seconds)} s"
    if seconds < 2 * HOUR_S:
        return f"{int(seconds // MINUTE_S)} min"
    return f"{int(seconds // HOUR_S):,} h"


def limit(seconds: float) -> str:
    """A limit, exactly."""
    whole = seconds % MINUTE_S == 0 and seconds >= 2 * MINUTE_S
    return f"{seconds / MINUTE_S:,g} min" if whole else f"{seconds:,g} s"


def count(number: int, noun: str, verb: str = "") -> str:
    """'1 session waits', '3 sessions wait', 'No session waits'."""
    amount = f"{number:,}" if number else "No"
    said = f"{amount} {noun}{'s' if number > 1 else ''}"
    return f"{said} {verb}{'' if number > 1 else 's'}" if verb else said


def session(row: Row) -> str:
    """'pid 4711 (billing-worker)': by its application, or by its user where it gives none."""
    return f"pid {row['pid']} ({row['application'] or row['user'] or row.get('backend_type')})"


def head(row: Row) -> str:
    """The head of a blocking chain and what it is doing."""
    if row["circle"]:
        return f"a circle of sessions that wait for each other, {session(row)} among them"
    if row["gid"] is not None:
        return f"the prepared transaction {row['gid']!r}, open for {span(number(row['transaction_s']))}"
    state = str(row["state"] or row["backend_type"])
    since = row["state_s"] if state.startswith("idle") else row["transaction_s"]
    return f"{session(row)}, {state} for {span(number(since))}"


def lock(row: Row) -> str:
    """What the first in the queue waits for."""
    where = row["relation"] or "a table"
    if row["locktype"] in ("transactionid", "tuple"):
        return f"a row of {where}"
    return f"the {row['locktype']} {row['relation']}" if row["relation"] else f"a lock of type {row['locktype']}"
