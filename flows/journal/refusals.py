"""Refusals: what was turned away at the door, counted by source and reason. Nothing that was sent is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flows.journal.connection import Connection

_ADD = "INSERT INTO incident.refusals (source, why, number) VALUES (%s, %s, %s)"
_OF_LATE = """
    SELECT source, why, sum(number)::bigint, to_char(max(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
      FROM incident.refusals WHERE at > clock_timestamp() - %s GROUP BY source, why ORDER BY source, why
"""


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How many of one source for one reason; `source` is empty where none is configured under the name. `last`: UTC."""

    source: str
    why: str
    number: int
    last: str


def add(session: Connection, counted: Mapping[tuple[str, str], int]) -> None:
    """Keep what was counted since the last time, by source and reason."""
    with session.transaction():
        for (source, why), number in counted.items():
            session.execute(_ADD, [source, why, number])


def of_late(session: Connection, within: timedelta) -> list[Refusals]:
    """What was refused within that time."""
    return [
        Refusals(source=str(source), why=str(why), number=int(str(number)), last=str(last))
        for source, why, number, last in session.execute(_OF_LATE, [within])
    ]
