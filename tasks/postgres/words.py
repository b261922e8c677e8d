"""Numbers and sessions as a person says them."""

from __future__ import annotations

import re

from tasks.model import Row
from tasks.postgres.values import number

MINUTE_S = 60
HOUR_S = 3600

# Waits that are no locks, by Postgres' names for them.
_PAUSES = {
    "ClientRead": "its client",
    "ClientWrite": "its client to take the answer",
    "SyncRep": "a synchronous standby (SyncRep)",
    "RecoveryConflictSnapshot": "those who still read old rows",
    "RecoveryPause": "somebody to resume the replay",
    "PgSleep": "the time to pass (pg_sleep)",
}
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
        return f"{prepared(row)}, open for {span(number(row['transaction_s']))}"
    if row["backend_type"] == "startup":
        return f"{session(row)}, which replays the primary's log"
    state = str(row["state"] or row["backend_type"])
    since = row["state_s"] if state.startswith("idle") else row["transaction_s"]
    pause = f", waiting for {paused(row)}" if state == "active" and row.get("wait_event") in _PAUSES else ""
    wraps = " to prevent wraparound" if "to prevent wraparound" in str(row["query"]) else ""
    return f"{session(row)}, {state} for {span(number(since))}{wraps}{pause}"


def prepared(row: Row) -> str:
    """A prepared transaction, as a person finds it."""
    return f"the prepared transaction {row['gid']!r} of {row['user']}"


def lock(row: Row) -> str:
    """What the head holds, by what the first in the queue waits for."""
    relation = row["relation"]
    match row["locktype"]:
        case "transactionid" | "tuple":
            # A key that two insert, or a transaction that an index build waits for, names no table.
            return f"a row of {relation}" if relation else "what it has written"
        case "advisory":
            return f"the advisory lock {row['advisory_key']}"
        case "virtualxid":
            return "a transaction open"
    return f"the {row['locktype']} {relation}" if relation else f"a lock of type {row['locktype']}"


def asked(row: Row) -> str:
    """What a session waits for, as SQL writes the lock: 'ACCESS EXCLUSIVE on leads'."""
    mode = _WORD.sub(" ", str(row["mode"]).removesuffix("Lock")).upper()
    match row["locktype"]:
        case "transactionid" | "tuple":
            return lock(row) if row["relation"] else "the end of a transaction"
        case "advisory":
            return f"{lock(row)} ({mode})"
        case "virtualxid":
            return "the end of a transaction that began before"
    where = row["relation"] or f"{'an' if str(row['locktype'])[0] in 'aeiou' else 'a'} {row['locktype']}"
    return f"{mode} on {where}"


def paused(row: Row) -> str:
    """What a session that waits for no lock waits for; empty when it works."""
    event, kind = row.get("wait_event"), row.get("wait_event_type")
    if event in _PAUSES:
        return _PAUSES[str(event)]
    return f"the disk ({event})" if kind == "IO" else f"{kind}: {event}" if event else ""
