"""The advisory locks of an incident: one held by its executor, one taken for the moment of writing."""

from __future__ import annotations

import hashlib

from flows.journal.connection import Connection


class HeldElsewhere(Exception):
    """Another process executes this incident."""


def hold_key(incident: str) -> int:
    """The session-level lock of whoever executes the incident."""
    return lock_key("journal hold", incident)


def write_key(incident: str) -> int:
    """The transaction-level lock of whoever writes an entry just now."""
    return lock_key("journal write", incident)


def turn_key(target: str) -> int:
    """The session-level lock of whoever changes this target just now."""
    return lock_key("journal turn", target)


def lock_key(purpose: str, subject: str) -> int:
    """A lock number that nobody else in this database uses: 64 bits of a hash, as Postgres wants them signed."""
    return int.from_bytes(hashlib.sha256(f"{purpose}\0{subject}".encode()).digest()[:8], "big", signed=True)


# pg_locks shows a 64-bit key as two halves.
_HOLDER = """
    SELECT l.pid, coalesce(host(a.client_addr), 'this machine'), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
      FROM pg_locks AS l
      LEFT JOIN pg_stat_activity AS a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


def holder(session: Connection, incident: str) -> str | None:
    """Who executes the incident, in words; None if nobody does."""
    row = session.execute(_HOLDER, [hold_key(incident)]).fetchone()
    return f"database session {row[0]} from {row[1]}, since {row[2]}" if row else None


def take(session: Connection, incident: str) -> None:
    """Take the executor's lock for as long as `session` lives, without waiting.

    Raises:
        HeldElsewhere: another session has it.
    """
    row = session.execute("SELECT pg_try_advisory_lock(%s)", [hold_key(incident)]).fetchone()
    if row and row[0]:
        return
    by = holder(session, incident) or "which let go just now; try again"
    raise HeldElsewhere(
        f"Incident {incident} is being executed by another process ({by}). `incident timeline {incident}` shows it."
    )


def release(session: Connection, incident: str) -> None:
    # Closing the session frees the lock too, but only when the server gets round to it.
    session.execute("SELECT pg_advisory_unlock(%s)", [hold_key(incident)])
