"""Seals: one hash over the last entries of all incidents, chained, so that a cut-off or missing incident is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import errors

from flows.journal.chain import GENESIS
from flows.journal.connection import Connection
from flows.journal.locks import lock_key
from tasks import model

# A seal must fit into memory wherever it is checked. What is left over gets the next seal at once.
MOST_HEADS = 10_000
_LOCK = lock_key("journal seal", "")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The last entry of an incident when a seal was made."""

    incident: str
    seq: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Seal:
    """A hash over the heads of every incident that grew since the seal before, and over that seal."""

    seal: int
    at: str  # ISO 8601, UTC, microseconds, by the database's clock
    heads: int
    digest: str
    prev: str
    hash: str


def digest_of(heads: Sequence[Head]) -> str:
    """SHA-256 over the heads in the order of their incidents."""
    return model.digest([[head.incident, head.seq, head.hash] for head in heads])


def sealed(*, seal: int, at: str, heads: int, digest: str, prev: str) -> Seal:
    """The seal with these fields, and its hash."""
    fields: model.Row = {"seal": seal, "at": at, "heads": heads, "digest": digest, "prev": prev}
    return Seal(seal=seal, at=at, heads=heads, digest=digest, prev=prev, hash=model.digest(fields))


# From incident to incident by the index: never every entry. The entry itself is read only for heads that are new.
_NEW_HEADS = """
    WITH RECURSIVE last AS (
        (SELECT incident, seq FROM incident.entries ORDER BY incident DESC, seq DESC LIMIT 1)
        UNION ALL
        SELECT before.incident, before.seq
          FROM last, LATERAL (
              SELECT incident, seq FROM incident.entries WHERE incident < last.incident
               ORDER BY incident DESC, seq DESC LIMIT 1) AS before
    )
    INSERT INTO incident.heads (seal, incident, seq, hash)
    SELECT %s, e.incident, e.seq, e.hash
      FROM last JOIN incident.entries e USING (incident, seq)
     WHERE NOT EXISTS (SELECT FROM incident.heads h WHERE (h.incident, h.seq) = (e.incident, e.seq))
     ORDER BY e.incident LIMIT %s
"""
_LAST = "SELECT seal, at, heads, digest, prev, hash FROM incident.seals ORDER BY seal DESC LIMIT 1"
_HEADS = "SELECT incident, seq, hash FROM incident.heads WHERE seal = %s ORDER BY incident"
_NOW = """
    SELECT greatest(to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') COLLATE "C", %s)
"""
_INSERT = "INSERT INTO incident.seals (seal, at, heads, digest, prev, hash) VALUES (%s, %s, %s, %s, %s, %s)"


def last_seal(session: Connection) -> Seal | None:
    """The newest seal."""
    row = session.execute(_LAST).fetchone()
    return seal_from(row) if row else None


def seal_from(row: tuple[object, ...]) -> Seal:
    seal, at, heads, over, prev, hashed = row
    return Seal(
        seal=int(str(seal)), at=str(at), heads=int(str(heads)), digest=str(over), prev=str(prev), hash=str(hashed)
    )


def head_from(row: tuple[object, ...]) -> Head:
    incident, seq, hashed = row
    return Head(incident=str(incident), seq=int(str(seq)), hash=str(hashed))


def seal_all(session: Connection) -> list[Seal]:
    """Seal whatever no seal covers yet; nothing if nothing was written since. Several at once take turns."""
    made: list[Seal] = []
    while seal := _seal(session):
        made.append(seal)
        if seal.heads < MOST_HEADS:
            break
    return made


def _seal(session: Connection) -> Seal | None:
    try:
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            before = last_seal(session)
            number = before.seal + 1 if before else 1
            session.execute(_NEW_HEADS, [number, MOST_HEADS])
            heads = [head_from(row) for row in session.execute(_HEADS, [number])]
            if not heads:
                return None
            now = session.execute(_NOW, [before.at if before else ""]).fetchall()[0][0]
            made = sealed(
                seal=number,
                at=str(now),
                heads=len(heads),
                digest=digest_of(heads),
                prev=before.hash if before else GENESIS,
            )
            session.execute(_INSERT, [made.seal, made.at, made.heads, made.digest, made.prev, made.hash])
    except errors.SerializationFailure:
        # Somebody seals without queueing. The next turn of the clock covers the same heads.
        return None
    return made
