"""What an answer says of relations that could not be looked at, because somebody holds or wants their locks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tasks.model import Finding, Row, Verdict

# A sentence is read aloud.
NAMED = 3


def locked_out(names: Sequence[str]) -> str:
    """A sentence that names them, led by a space; nothing if there are none."""
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" Not measured, because locked (database/blocked-sessions): {', '.join(names[:NAMED])}{more}."


def left_out(finding: Finding, locked: Sequence[Row]) -> Finding:
    """`finding`, which was made without `locked` (each with its `ident`). What is wrong with the others stands.

    Where nothing is, it is UNKNOWN: the fault that this is asked about may be in the one that is locked.
    """
    if not locked:
        return finding
    return dataclasses.replace(
        finding,
        verdict=finding.verdict or Verdict.UNKNOWN,
        says=f"{finding.says}{locked_out([str(row['ident']) for row in locked])}",
        remedy=finding.remedy or "See who holds the lock: incident run database/blocked-sessions",
    )
