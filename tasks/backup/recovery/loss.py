"""How much a restore loses, in minutes and rows: what was written after the backup's moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.backup.shelf import Backup
from tasks.model import Earlier, Json
from tasks.postgres.values import number
from tasks.postgres.words import span


@dataclass(frozen=True, kw_only=True)
class Seen:
    """When the database was last seen whole, and how many rows it had then, as far as its statistics told."""

    at: datetime
    rows: int

    @property
    def facts(self) -> dict[str, Json]:
        return {"seen_at": self.at.isoformat(), "seen_rows": self.rows}


def last_seen(earlier: Earlier | None) -> Seen | None:
    """What an earlier look knew of it, which each later one hands on; None where nobody had looked."""
    facts: Mapping[str, Json] = earlier.facts if earlier else {}
    if not isinstance(facts.get("seen_at"), str):
        return None
    return Seen(at=datetime.fromisoformat(str(facts["seen_at"])), rows=int(number(facts.get("seen_rows") or 0)))


def lost_rows(one: Backup, kept: Sequence[Backup], until: datetime, seen: Seen | None) -> int | None:
    """About how many rows came after the backup's moment; None: nothing tells.

    By what was last counted, and otherwise by how many came between this backup and the one before.
    """
    if seen is not None and seen.at >= one.at:
        return max(0, seen.rows - one.content.rows)
    before = next((other for other in kept if other.proven_at and other.at < one.at), None)
    if before is None:
        return None
    apart = (one.at - before.at).total_seconds()
    share = (until - one.at).total_seconds() / apart if apart > 0 else 0.0
    return max(0, round((one.content.rows - before.content.rows) * share))


def said(one: Backup, kept: Sequence[Backup], seen: Seen | None = None) -> str:
    """'13 h of writing, about 4,200 rows': what is lost by going back to `one`."""
    until = max(one.at, seen.at if seen else datetime.now(UTC))
    rows = lost_rows(one, kept, until, seen)
    about = "an unknown number of rows" if rows is None else f"about {rows:,} rows"
    return f"{span((until - one.at).total_seconds())} of writing, {about}"
