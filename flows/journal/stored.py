"""The record as the database holds it, read in one snapshot and in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import IsolationLevel

from flows.journal.connection import Connection
from flows.journal.entry import Entry
from flows.journal.log import COLUMNS, entry_from
from flows.journal.seal import Head, Seal, head_from, seal_from

# So many rows are fetched at once.
_BATCH = 2000

_SEALS = """
    SELECT s.seal, s.at, s.heads, s.digest, s.prev, s.hash, h.incident, h.seq, h.hash
      FROM incident.seals s LEFT JOIN incident.heads h USING (seal)
     ORDER BY s.seal, h.incident
"""
_ENTRIES = f"""
    SELECT {COLUMNS} FROM incident.entries
     WHERE (%(only)s::text[] IS NULL OR incident = ANY (%(only)s))
       AND (%(since)s::text IS NULL
            OR incident IN (SELECT grown.incident FROM incident.entries grown WHERE grown.at >= %(since)s))
     ORDER BY incident, seq
"""  # noqa: S608 - constant


@dataclass(frozen=True)
class Stored:
    """All incidents, or the named ones, or those with an entry at or after `since` (ISO 8601, UTC)."""

    session: Connection
    only: tuple[str, ...] = ()
    since: str | None = None

    @property
    def whole(self) -> bool:
        return not self.only and self.since is None

    def seals(self) -> Iterator[tuple[Seal, list[Head]]]:
        rows = self._stream("seals", _SEALS)
        for _, of_it in itertools.groupby(rows, key=lambda row: row[0]):
            listed = list(of_it)
            yield seal_from(listed[0][:6]), [head_from(row[6:]) for row in listed if row[6] is not None]

    def entries(self) -> Iterator[Entry]:
        asked: dict[str, object] = {"only": list(self.only) or None, "since": self.since}
        return map(entry_from, self._stream("entries", _ENTRIES, asked))

    def _stream(self, name: str, query: str, asked: dict[str, object] | None = None) -> Iterator[tuple[object, ...]]:
        with self.session.cursor(name) as cursor:
            cursor.itersize = _BATCH
            yield from cursor.execute(query.encode(), asked)


@contextmanager
def snapshot(session: Connection) -> Iterator[None]:
    """Everything read inside the block is of one moment, however long it takes."""
    session.isolation_level = IsolationLevel.REPEATABLE_READ
    session.read_only = True
    # A reader that takes minutes holds nobody up: each fetch is quick, the whole is not.
    session.execute("SELECT set_config('idle_in_transaction_session_timeout', '0', false)")
    with session.transaction():
        yield
