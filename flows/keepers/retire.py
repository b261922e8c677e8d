"""Let old incidents go without breaking the record: export, verify the export, tombstone, seal; then remove.

1. Seal, so that every end is covered.
2. Export what is old to a file of its own, and verify that file as anybody could.
3. Write a tombstone after each incident's last entry, naming the file and its hash. Seal and anchor.
4. Later, and only as the tables' owner: remove what stands before sealed tombstones whose export is there and true.

A crash in between leaves a file that nothing names, or incidents that are retired and not removed; both do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.journal import (
    Audit,
    CannotRemove,
    Complaint,
    Entombed,
    Journal,
    JournalBroken,
    complaints,
    kinds,
    lines,
    sha256_of,
    unlike_exports,
    write_whole,
)
from flows.journal.retired import Retirable

# One file holds no more incidents: whoever checks it keeps their ends in memory.
MOST = 10_000


def before(older_than: timedelta) -> str:
    """That long ago, as the journal writes moments."""
    return f"{datetime.now(UTC) - older_than:%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One export of retired incidents; those that grew meanwhile are in the file, and have no tombstone."""

    file: Path
    sha256: str
    retired: int
    grew: int


def retire(
    journal: Journal, folder: Path, older_than: timedelta, seal: Callable[[], object], *, again: bool = False
) -> Iterator[Batch]:
    """Export and entomb closed incidents in which nothing was written for that long; `seal` seals and anchors.

    Raises:
        JournalBroken: what was exported does not verify; nothing is entombed.
        OSError: the folder cannot be written.
        JournalUnavailable: the database does not answer.
    """
    moment = before(older_than)
    seal()
    while old := journal.retention.old(moment, again=again, limit=MOST):
        batch = _retire(journal, folder, old, moment)
        yield batch
        seal()
        # What was retired again is still "retired and not removed": another round would take the same ones.
        if again or not batch.retired:
            return


def _retire(journal: Journal, folder: Path, old: Sequence[str], moment: str) -> Batch:
    part = folder / f"retired-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
    with journal.record(only=old) as record:
        write_whole(part, lines(record))
    exported = Retirable(part)
    for wrong in complaints(exported, Audit()):
        part.unlink()
        raise JournalBroken(f"Nothing is retired: {wrong.where}: {wrong.says} `incident audit verify` says more.")
    sha256 = sha256_of(part)
    # Named after what is in it, so that no two exports can take each other's place.
    file = part.rename(part.with_name(f"retired-{datetime.now(UTC):%Y-%m-%d}-{sha256[:16]}.jsonl"))
    # The others were written to while they were exported.
    ends = [end for end in exported.ends.values() if end.at < moment or end.kind == kinds.Retired.kind]
    retired = sum(entry is not None for entry in journal.retention.entomb(ends, file.name, sha256))
    return Batch(file=file, sha256=sha256, retired=retired, grew=len(old) - retired)


@dataclass(frozen=True, kw_only=True)
class Removable:
    """What may be removed now, and what may not, each with its reason."""

    entombed: Sequence[Entombed]
    refused: Sequence[Complaint] = field(default_factory=tuple)

    @property
    def entries(self) -> int:
        return sum(one.tombstone.entries for one in self.entombed)


def removable(journal: Journal, folder: Path, older_than: timedelta, anchors: Mapping[int, str] | None) -> Removable:
    """What the owner may remove: old, sealed, anchored (None: no place is configured), its export in `folder` and true.

    Raises:
        CannotRemove: not the owner's URL, or the record does not verify.
        JournalUnavailable: the database does not answer.
    """
    journal.retention.refuse_without_right()
    with journal.record() as record:
        for wrong in complaints(record, Audit(), anchors):
            raise CannotRemove(
                f"Nothing is removed: the record is not what was written. {wrong.where}: {wrong.says} "
                "`incident audit verify` says more."
            )
    moment, anchored = before(older_than), max(anchors, default=0) if anchors is not None else None
    refused: list[Complaint] = []
    fit: list[Entombed] = []
    for one in journal.retention.entombed():
        says = _too_soon(one, moment, anchored)
        if says:
            refused.append(Complaint(where=one.tombstone.incident, says=says))
        else:
            fit.append(one)
    refused += unlike_exports([one.tombstone for one in fit], folder)
    held_back = {complaint.where for complaint in refused}
    return Removable(entombed=[one for one in fit if one.tombstone.incident not in held_back], refused=refused)


def _too_soon(one: Entombed, moment: str, anchored: int | None) -> str | None:
    if one.seal is None:
        return "No seal covers its tombstone yet. `incident audit seal` makes one."
    if anchored is not None and one.seal > anchored:
        return f"Seal {one.seal}, which covers its tombstone, is not anchored yet. `incident audit seal` tries again."
    if one.ended_at >= moment:
        return f"Its last entry is of {one.ended_at}: too young to go."
    return None
