"""Is the record what was written? The chains, the seals over them, and anchors kept elsewhere, in constant memory.

Two streams are read side by side: the entries, ordered by incident, and what the seals say of each incident.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from flows.journal.chain import GENESIS, broken
from flows.journal.claims import Claim, Claims, Seen
from flows.journal.entry import Entry
from flows.journal.seal import Head, Seal, digest_of, sealed


class Record(Protocol):
    """A journal as a database or an export holds it. Each stream is read once, the seals first."""

    @property
    def whole(self) -> bool:
        """All incidents? Of an export of some the others are not expected to be there."""
        ...

    def seals(self) -> Iterable[tuple[Seal, list[Head]]]:
        """The seals in order, each with its heads in the order of their incidents."""
        ...

    def entries(self) -> Iterable[Entry]:
        """The entries, ordered by incident (byte by byte) and seq."""
        ...


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """One place where the record is not what was written."""

    where: str
    says: str


@dataclass(kw_only=True)
class Audit:
    """What was looked at. Complete when `complaints` has been read to its end."""

    entries: int = 0
    incidents: int = 0
    seals: int = 0
    # Written after the last seal: their chain is checked, yet nobody would notice if the newest were gone.
    unsealed: int = 0
    # Incidents of which only a tombstone is left.
    retired: int = 0
    last: Seal | None = None
    found: int = 0


def complaints(
    record: Record,
    audit: Audit,
    anchors: Mapping[int, str] | None = None,
    retired: Callable[[Entry], object] | None = None,
) -> Iterator[Complaint]:
    """Everything that is wrong, as it is found; what was counted is in `audit`.

    `anchors` are hashes of seals, by number, from a place that whoever owns the database cannot reach. `retired` is
    handed each tombstone of which the entries were removed.
    """
    # A file that sqlite makes, bounds in memory and removes: there may be more heads than memory.
    with sqlite3.connect("") as heads:
        for complaint in itertools.chain(
            _seals(record, audit, anchors or {}, heads), _chains(record, audit, heads, retired)
        ):
            audit.found += 1
            yield complaint


def _seals(record: Record, audit: Audit, anchors: Mapping[int, str], kept: sqlite3.Connection) -> Iterator[Complaint]:
    kept.execute("CREATE TABLE heads (incident TEXT, seq INTEGER, hash TEXT, seal INTEGER, at TEXT)")
    for seal, heads in record.seals():
        if says := _unlike(seal, heads, audit.last):
            yield Complaint(where=f"seal {seal.seal}", says=says)
        if anchors.get(seal.seal, seal.hash) != seal.hash:
            yield Complaint(
                where=f"seal {seal.seal}",
                says=f"The seal of {seal.at} is not the one that was anchored: the record was written anew, "
                "seals and all.",
            )
        rows = [(head.incident, head.seq, head.hash, seal.seal, seal.at) for head in heads]
        kept.executemany("INSERT INTO heads VALUES (?, ?, ?, ?, ?)", rows)
        audit.last = seal
        audit.seals += 1
    lost = [number for number in anchors if number > (audit.last.seal if audit.last else 0)]
    if lost:
        yield Complaint(
            where=f"seal {min(lost)}",
            says=f"{len(lost)} anchored seals, the newest number {max(lost)}, are not in the record: its end was cut "
            "off, or an older backup was restored.",
        )


def _unlike(seal: Seal, heads: list[Head], before: Seal | None) -> str | None:
    number = before.seal + 1 if before else 1
    if seal.seal != number:
        return f"Seal {number} is missing before it: removed." if seal.seal > number else "It is out of order."
    fields = {name: value for name, value in vars(seal).items() if name != "hash"}
    if sealed(**fields).hash != seal.hash:
        return "It does not have the content its hash was taken over: altered."
    if (seal.heads, seal.digest) != (len(heads), digest_of(heads)):
        return "What it covers is not what it was taken over: altered."
    if seal.prev != (before.hash if before else GENESIS):
        return "It was made after another seal than the one before it: altered or inserted."
    return None


def _chains(
    record: Record, audit: Audit, kept: sqlite3.Connection, retired: Callable[[Entry], object] | None
) -> Iterator[Complaint]:
    kept.execute("CREATE INDEX by_incident ON heads (incident, seq)")
    claims = Claims(kept)
    previous = ""
    for incident, entries in itertools.groupby(record.entries(), key=lambda entry: entry.incident):
        if previous and incident.encode() <= previous.encode():
            yield Complaint(where=incident, says="Its entries are out of order in the record: moved.")
        if record.whole:
            yield from _missing(claims.before(incident))
        else:
            claims.skip(incident)
        seen = Seen(entries, claims.of(incident))
        complaint = broken(seen)
        # Read on after a complaint: what is left belongs to this incident, and is counted.
        audit.entries += seen.rest()
        unlike = seen.unlike_its_seals()
        audit.incidents += 1
        audit.unsealed += seen.unsealed
        if seen.tombstone:
            audit.retired += 1
            if retired:
                retired(seen.tombstone)
        if complaint or unlike:
            yield Complaint(where=incident, says=complaint or str(unlike))
        previous = incident
    if record.whole:
        yield from _missing(claims.before(None))


def _missing(claims: Iterable[Claim]) -> Iterator[Complaint]:
    for incident, of_it in itertools.groupby(claims, key=lambda claim: claim.incident):
        newest = max(of_it, key=lambda claim: claim.seal)
        yield Complaint(
            where=incident,
            says=f"The whole incident is missing: seal {newest.seal} of {newest.at} knew {newest.seq} entries of it.",
        )
