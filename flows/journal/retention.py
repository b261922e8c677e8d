"""Retention: which incidents are old enough, their tombstones, and the removal of what those stand for.

1. The running role exports what is old, and writes a tombstone after the last entry of each incident.
2. A seal covers the tombstones, like every entry.
3. The tables' owner, and nobody else, removes what stands before a sealed tombstone. The tombstone stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from flows.journal.connection import Connection, refuse_transaction_pooler, session_of
from flows.journal.entry import Entry
from flows.journal.locks import write_key
from flows.journal.log import COLUMNS, entry_from, write
from flows.journal.redact import Redactor
from flows.journal.retired import End, Tombstone

ACTOR = "retention"

# Closed, and nothing was written since: whoever still adds notes still needs it. One that was retired and not removed
# may be retired once more, where its export was lost.
_OLD = """
    SELECT DISTINCT c.incident
      FROM incident.entries AS c,
           LATERAL (SELECT at, kind FROM incident.entries
                     WHERE incident = c.incident ORDER BY seq DESC LIMIT 1) AS newest
     WHERE c.kind = 'closed' AND EXISTS (SELECT FROM incident.entries WHERE incident = c.incident AND seq = 1)
       AND CASE WHEN newest.kind = 'retired' THEN %(again)s ELSE newest.at < %(before)s END
     ORDER BY c.incident LIMIT %(limit)s
"""
_NEWEST = "SELECT seq, hash FROM incident.entries WHERE incident = %s ORDER BY seq DESC LIMIT 1"
# The newest tombstone of each incident that has its entries still, and the seal that covers it.
_ENTOMBED = f"""
    SELECT DISTINCT ON (t.incident) {", ".join(f"t.{column}" for column in COLUMNS.split(", "))}, ended.at, h.seal
      FROM incident.entries AS t
     CROSS JOIN LATERAL (SELECT at FROM incident.entries WHERE incident = t.incident AND seq < t.seq
                            AND kind <> 'retired' ORDER BY seq DESC LIMIT 1) AS ended
      LEFT JOIN (incident.heads AS h JOIN incident.seals AS s USING (seal))
        ON (h.incident, h.seq, h.hash) = (t.incident, t.seq, t.hash)
     WHERE t.kind = 'retired' AND EXISTS (SELECT FROM incident.entries WHERE incident = t.incident AND seq = 1)
     ORDER BY t.incident, t.seq DESC
"""  # noqa: S608 - constant
_GONE = """
    SELECT count(DISTINCT t.incident) FROM incident.entries AS t
     WHERE t.kind = 'retired' AND NOT EXISTS (SELECT FROM incident.entries WHERE incident = t.incident AND seq = 1)
"""
_MAY_REMOVE = "SELECT current_user, has_table_privilege('incident.entries', 'DELETE')"
_REMOVE = "DELETE FROM incident.entries WHERE incident = %s AND seq < %s"
# What an alert became stands in its incident; the numbers of deliveries only keep replays out.
_OF_ALERTS = ("alerts", "deliveries", "refusals", "snoozes")
_REMOVE_OLD = "DELETE FROM incident.{} WHERE at < %s::timestamptz"
_OF_MEASUREMENTS = ("measurements", "hours")


class CannotRemove(Exception):
    """Nothing is removed; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Entombed:
    """A tombstone whose entries are still there: when the last of them was written, and the seal that covers it."""

    tombstone: Tombstone
    ended_at: str
    seal: int | None


@dataclass(frozen=True)
class Retention:
    """What is old enough to go, and how it goes. Every method raises JournalUnavailable where the database does."""

    url: SecretStr
    redact: Redactor

    def old(self, before: str, *, again: bool, limit: int) -> list[str]:
        """Closed incidents in which nothing was written since `before` (ISO 8601, UTC).

        With `again` also those that were retired and not removed.
        """
        with session_of(self.url) as session:
            rows = session.execute(_OLD, {"before": before, "again": again, "limit": limit})
            return [str(row[0]) for row in rows]

    def entomb(self, ends: Iterable[End], file: str, sha256: str) -> Iterator[Entry | None]:
        """Write the tombstone of each; None for one that has grown since it was exported to `file`.

        The database refuses those that are open, and those whose end no seal covers.
        """
        with session_of(self.url) as session:
            refuse_transaction_pooler(session, self.url)
            for end in ends:
                yield self._entomb(session, end, file, sha256)

    def _entomb(self, session: Connection, end: End, file: str, sha256: str) -> Entry | None:
        with session.transaction():
            # As every writer does, so that nobody gets in between.
            session.execute("SELECT pg_advisory_xact_lock(%s)", [write_key(end.incident)])
            if session.execute(_NEWEST, [end.incident]).fetchone() != (end.seq, end.hash):
                return None
            key = f"retired/{sha256[:16]}"
            return write(session, self.redact, end.incident, ACTOR, key, end.tombstone(file, sha256))

    def entombed(self) -> list[Entombed]:
        """The tombstones whose entries are still there."""
        with session_of(self.url) as session:
            return [_entombed(row) for row in session.execute(_ENTOMBED)]

    def gone(self) -> int:
        """Of how many incidents only a tombstone is left."""
        with session_of(self.url) as session:
            row = session.execute(_GONE).fetchone()
        return int(str(row[0])) if row else 0

    def refuse_without_right(self) -> None:
        """Say it before anything is read.

        Raises:
            CannotRemove: this role is not the tables' owner.
        """
        with session_of(self.url) as session:
            row = session.execute(_MAY_REMOVE).fetchone()
        if row and not row[1]:
            raise CannotRemove(f"{row[0]} may remove nothing: only the owner of the journal's tables may.")

    def remove(self, tombstones: Iterable[Tombstone]) -> Iterator[int]:
        """Remove the entries that each stands for, one incident a transaction; how many there were.

        The database refuses where no seal covers the tombstone.
        """
        with session_of(self.url) as session:
            for tombstone in tombstones:
                yield session.execute(_REMOVE, [tombstone.incident, tombstone.seq]).rowcount

    def remove_measurements(self, before: str) -> int:
        """Remove the numbers from before `before`; how many there were. The database refuses the last month's."""
        with session_of(self.url) as session, session.transaction():
            return sum(
                session.execute(_REMOVE_OLD.format(table).encode(), [before]).rowcount for table in _OF_MEASUREMENTS
            )

    def remove_alerts(self, before: str) -> int:
        """Remove the alerts from before `before`; how many. The database refuses the last month's."""
        with session_of(self.url) as session, session.transaction():
            gone = [session.execute(_REMOVE_OLD.format(table).encode(), [before]).rowcount for table in _OF_ALERTS]
        return gone[0]


def _entombed(row: tuple[object, ...]) -> Entombed:
    *fields, ended_at, seal = row
    return Entombed(
        tombstone=Tombstone.of(entry_from(tuple(fields))),
        ended_at=str(ended_at),
        seal=None if seal is None else int(str(seal)),
    )
