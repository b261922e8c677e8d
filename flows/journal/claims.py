"""What the seals say of each incident, and its entries held against that as they pass by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from flows.journal.chain import stands_for_removed
from flows.journal.entry import Entry


@dataclass(frozen=True)
class Claim:
    """What a seal says: this incident's entry `seq` has this hash."""

    incident: str
    seq: int
    hash: str
    seal: int
    at: str


class Claims:
    """The claims of all seals, in the order of the entries."""

    def __init__(self, kept: sqlite3.Connection) -> None:
        rows = kept.execute("SELECT incident, seq, hash, seal, at FROM heads ORDER BY incident, seq")
        self._next = (Claim(*row) for row in rows)
        self._head = next(self._next, None)

    def before(self, incident: str | None) -> Iterator[Claim]:
        """Claims about incidents that come before this one; all that are left, for None."""
        limit = None if incident is None else incident.encode()
        while self._head and (limit is None or self._head.incident.encode() < limit):
            yield self._head
            self._head = next(self._next, None)

    def skip(self, incident: str) -> None:
        """Leave out the incidents that come before this one."""
        for _ in self.before(incident):
            pass

    def of(self, incident: str) -> Iterator[Claim]:
        while self._head and self._head.incident == incident:
            yield self._head
            self._head = next(self._next, None)


class Seen:
    """The entries of one incident as they pass by, held against what the seals say of them."""

    def __init__(self, entries: Iterator[Entry], claims: Iterator[Claim]) -> None:
        self._entries = entries
        self._claims = claims
        self._claim = next(claims, None)
        self._unlike: str | None = None
        self._count = 0
        self.unsealed = 0
        # The first entry, where it stands for those before it.
        self.tombstone: Entry | None = None
        self._end_sealed = self._tombstone_sealed = False

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._entries:
            if not self._count and stands_for_removed(entry):
                self.tombstone = entry
            self._count += 1
            self.unsealed += 1
            while self._claim and self._claim.seq <= entry.seq:
                self._compare(self._claim, entry)
                self._claim = next(self._claims, None)
            yield entry

    def rest(self) -> int:
        """How many entries there were, read to the end."""
        for _ in self:
            pass
        return self._count

    def unlike_its_seals(self) -> str | None:
        """The first place where a seal says otherwise."""
        left = [self._claim, *self._claims] if self._claim else []
        if self._unlike is None and left:
            return (
                f"Its end is cut off: seal {left[-1].seal} of {left[-1].at} knew {left[-1].seq} entries, "
                f"and {self._count} are here."
            )
        return self._unlike or self._removed_unsealed()

    def _removed_unsealed(self) -> str | None:
        if self.tombstone is None or (self._end_sealed and self._tombstone_sealed):
            return None
        what = "its tombstone" if self._end_sealed else f"the {self.tombstone.seq - 1} entries it is said to have had"
        return f"Its entries were removed, and no seal covers {what}."

    def _compare(self, claim: Claim, entry: Entry) -> None:
        if entry is self.tombstone and claim.seq < entry.seq:
            self._compare_end(claim, entry)
            return
        self.unsealed = 0
        self._tombstone_sealed |= entry is self.tombstone
        if (claim.seq, claim.hash) != (entry.seq, entry.hash) and self._unlike is None:
            self._unlike = (
                f"Entry {claim.seq} is not the one that seal {claim.seal} of {claim.at} covers: the incident was "
                "written anew."
            )

    def _compare_end(self, claim: Claim, tombstone: Entry) -> None:
        if claim.seq < tombstone.seq - 1:
            # Only the export holds that entry.
            return
        self._end_sealed = True
        if claim.hash != tombstone.prev and self._unlike is None:
            self._unlike = f"Its tombstone does not follow the entry that seal {claim.seal} of {claim.at} covers."
