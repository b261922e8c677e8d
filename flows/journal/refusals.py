"""Refusals: what was turned away at the door, counted by source and reason. Nothing that was sent is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.journal.connection import Connection

# Written once a minute: when it was refused is known better by whoever counted it.
_ADD = """
    INSERT INTO incident.refusals (source, why, number, at)
    VALUES (%s, %s, %s, least(clock_timestamp(), to_timestamp(%s)))
"""
_OF_LATE = """
    SELECT source, why, sum(number)::bigint, max(at)
      FROM incident.refusals WHERE at > clock_timestamp() - %s GROUP BY source, why ORDER BY source, why
"""


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How many of one source for one reason, and when the last; `source` is empty where none has that name."""

    source: str
    why: str
    number: int
    last: datetime


def add(session: Connection, counted: Mapping[tuple[str, str], int], last_s: Mapping[tuple[str, str], float]) -> None:
    """Keep what was counted since the last time, by source and reason; `last_s`: when the last was, since 1970."""
    with session.transaction():
        for (source, why), number in counted.items():
            session.execute(_ADD, [source, why, number, last_s[source, why]])


def of_late(session: Connection, within: timedelta) -> list[Refusals]:
    """What was refused within that time."""
    return [
        Refusals(source=str(source), why=str(why), number=int(str(number)), last=last)
        for source, why, number, last in session.execute(_OF_LATE, [within])
        if isinstance(last, datetime)
    ]
