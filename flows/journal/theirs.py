"""What an incident's alerts are called where they came from, so that it can be said there what became of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.journal.connection import Connection
from flows.journal.entry import read_back
from tasks.model import canonical

# Of a storm its first alerts: a hundred problems in one incident are still a hundred messages.
FIRST = 200

_THEIRS = f"""
    SELECT d.run, a.source, a.more::text
      FROM incident.dispatched AS d
     CROSS JOIN LATERAL (SELECT source, more FROM incident.alerts
                          WHERE opening = d.opening AND state = 'firing' ORDER BY alert LIMIT {FIRST}) AS a
     WHERE d.run = ANY(%s)
"""  # noqa: S608 - constant


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """One thing at a source: an issue, an incident of theirs, the labels of an alert."""

    source: str
    named: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"{self.source}/{hashlib.sha256(canonical(dict(self.named))).hexdigest()[:12]}"


def theirs_of(session: Connection, incidents: Sequence[str]) -> dict[str, list[Theirs]]:
    """By incident, each thing once; an incident that no alert belongs to is left out."""
    found: dict[str, dict[str, Theirs]] = defaultdict(dict)
    for run, source, more in session.execute(_THEIRS.encode(), [list(incidents)]):
        told = read_back(str(more)).get("theirs")
        if isinstance(told, dict):
            one = Theirs(source=str(source), named={name: str(value) for name, value in told.items()})
            found[str(run)].setdefault(one.id, one)
    return {run: list(things.values()) for run, things in found.items()}
