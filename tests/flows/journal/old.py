"""Incidents of long ago: written as the running role may write them, with moments of the past."""

from __future__ import annotations

from typing import Any

import psycopg

from flows.journal import Entry
from flows.journal.chain import GENESIS, chained
from flows.journal.entry import written
from tests.flows.journal.conftest import Roles

LONG_AGO = "2024-03-01T02:00:00.{:06}Z"
_INSERT = """
    INSERT INTO incident.entries (incident, seq, at, actor, kind, key, body, prev, hash)
    VALUES (%(incident)s, %(seq)s, %(at)s, %(actor)s, %(kind)s, %(key)s, %(body)s, %(prev)s, %(hash)s)
"""
OPENED = {"title": "It is dark.", "runbook": "house/dark-room", "environment": "room", "severity": "P2"}


def old_incident(
    roles: Roles,
    incident: str,
    *,
    notes: int = 2,
    closed: bool = True,
    at: str = LONG_AGO,
    opened: dict[str, Any] = OPENED,
) -> None:
    """An incident with one entry opened, some notes, and an end, unless told otherwise."""
    story: list[tuple[str, dict[str, Any]]] = [
        ("opened", opened),
        *[("note", {"says": f"note {n}"}) for n in range(notes)],
    ]
    if closed:
        story.append(("closed", {"verdict": "fixed", "says": "The lamp is lit."}))
    prev = GENESIS
    with psycopg.connect(roles.runner_url) as session:
        for seq, (kind, body) in enumerate(story, 1):
            key = kind if kind != "note" else f"note/{seq}"
            entry = chained(
                incident=incident, seq=seq, at=at.format(seq), actor="engine", kind=kind, key=key, body=body, prev=prev
            )
            prev = entry.hash
            session.execute(_INSERT, {**vars(entry), "body": written(body)})


def insert(roles_url: str, entry: Entry) -> None:
    """Write an entry as it is, by whoever the URL belongs to."""
    with psycopg.connect(roles_url) as session:
        session.execute(_INSERT, {**vars(entry), "body": written(entry.body)})
