"""Retired incidents: what a tombstone says, and whether an export holds what it stands for.

A tombstone is the entry after an incident's last. It names the export that holds the entries before it and that file's
SHA-256, and `prev` is the hash of the last of them; a seal covers it like any other entry.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from flows.journal.audit import Audit, Complaint, complaints
from flows.journal.entry import Entry
from flows.journal.export import Exported, NotAnExport
from flows.journal.kinds import Closed, Retired
from flows.journal.seal import Head, Seal


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What is left of a retired incident. `entries` of it, the last with hash `prev`, are in `file`."""

    incident: str
    seq: int
    at: str
    prev: str
    file: str
    sha256: str

    @property
    def entries(self) -> int:
        return self.seq - 1

    @classmethod
    def of(cls, entry: Entry) -> Tombstone:
        """The tombstone that this entry is; whatever it should say and does not is empty, and fits no file."""
        return cls(
            incident=entry.incident,
            seq=entry.seq,
            at=entry.at,
            prev=entry.prev,
            file=str(entry.body.get("file", "")),
            sha256=str(entry.body.get("sha256", "")),
        )


@dataclass(frozen=True, kw_only=True)
class End:
    """The end of an incident in an export; where it was closed, when and how."""

    incident: str
    seq: int
    at: str
    kind: str
    hash: str
    closed_at: str
    verdict: str

    def tombstone(self, file: str, sha256: str) -> Retired:
        """What its tombstone says."""
        return Retired(
            says=f"its {self.seq} entries are in {file}, sha256 {sha256}; closed {self.closed_at}, {self.verdict}",
            file=file,
            sha256=sha256,
            entries=self.seq,
            closed_at=self.closed_at,
        )


class Retirable:
    """An export, read as a Record; `ends` holds the end of each incident that was read."""

    whole = False

    def __init__(self, file: Path) -> None:
        self._exported = Exported(file)
        self.ends: dict[str, End] = {}

    def seals(self) -> Iterable[tuple[Seal, list[Head]]]:
        return self._exported.seals()

    def entries(self) -> Iterator[Entry]:
        closed_at = verdict = ""
        before = ""
        for entry in self._exported.entries():
            if entry.incident != before:
                closed_at = verdict = ""
                before = entry.incident
            if entry.is_a(Closed):
                closed_at, verdict = entry.at, str(entry.body.get("verdict", ""))
            self.ends[entry.incident] = End(
                incident=entry.incident,
                seq=entry.seq,
                at=entry.at,
                kind=entry.kind,
                hash=entry.hash,
                closed_at=closed_at,
                verdict=verdict,
            )
            yield entry


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unlike_exports(tombstones: Sequence[Tombstone], folder: Path) -> Iterator[Complaint]:
    """Each of `tombstones` whose entries are not in `folder` as they were sealed, with the reason.

    Needs no anchors: the last entry's hash, which a sealed tombstone follows, fixes all entries before it.
    """
    by_file = sorted(tombstones, key=attrgetter("file", "sha256"))
    for (name, sha256), of_it in itertools.groupby(by_file, key=attrgetter("file", "sha256")):
        listed = list(of_it)
        told = _held(folder, name, sha256)
        if isinstance(told, str):
            yield from (Complaint(where=one.incident, says=told) for one in listed)
            continue
        for one in listed:
            end = told.get(one.incident)
            if end is None or (end.seq, end.hash) != (one.entries, one.prev):
                yield Complaint(
                    where=one.incident,
                    says=f"{name} does not hold the {one.entries} entries that its tombstone stands for.",
                )


def _held(folder: Path, name: str, sha256: str) -> str | Mapping[str, End]:
    """The ends of the incidents in the file, or what is wrong with it as a whole."""
    file = folder / name
    # The name comes from the record, where whoever may add an entry may have written anything.
    if Path(name).name != name or not file.is_file():
        return f"Its export {name!r} is not in {folder}."
    found = sha256_of(file)
    if found != sha256:
        return f"{file} is not the export that was made: its sha256 is {found}, and the tombstone says {sha256!r}."
    try:
        record = Retirable(file)
        wrong = list(itertools.islice(complaints(record, Audit()), 1))
    except NotAnExport as error:
        return str(error)
    return f"{file} is no true export: {wrong[0].where}: {wrong[0].says}" if wrong else record.ends
