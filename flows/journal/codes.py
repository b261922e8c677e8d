"""Which one-time codes were used, and which were wrong: a chain of entries for each approver, over all incidents."""

from __future__ import annotations

from datetime import timedelta

from flows.journal.connection import Connection
from flows.journal.kinds import CodeUsed, WrongCode
from flows.journal.log import AlreadyRecorded, write
from flows.journal.redact import Redactor

ACTOR = "engine"
# The database's own clock on both sides: with another machine's, one that is fast would forget every wrong code.
_WRONG = """
    SELECT count(*) FROM incident.entries
     WHERE incident = %s AND kind = 'wrong code'
       AND at >= to_char((clock_timestamp() - %s) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') COLLATE "C"
"""


def use(session: Connection, redact: Redactor, name: str, step: int, by: str) -> bool:
    """Use up the code of this time step for the question `by`. False: another question used it.

    The database lets one of many win. Asked again for the same question, as after a crash, the answer is the same.
    """
    try:
        write(session, redact, _chain(name), ACTOR, f"code/{step}", CodeUsed(by=by))
    except AlreadyRecorded as used:
        return used.entry.body["by"] == by
    return True


def note_wrong(session: Connection, redact: Redactor, name: str, by: str) -> None:
    """Count a code that did not fit, once for each question."""
    try:
        write(session, redact, _chain(name), ACTOR, f"wrong/{by}"[:200], WrongCode())
    except AlreadyRecorded:
        return


def wrong(session: Connection, name: str, within: timedelta) -> int:
    row = session.execute(_WRONG, [_chain(name), within]).fetchone()
    return int(str(row[0])) if row else 0


def _chain(name: str) -> str:
    return f"codes/{name}"
