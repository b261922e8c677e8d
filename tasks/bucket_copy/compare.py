"""What of a bucket is not in its copy: by two listings and what we wrote down, without reading an object."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.amounts import size
from tasks.bucket.system import Listed
from tasks.bucket_copy.manifest import Line
from tasks.bucket_copy.system import BucketCopy
from tasks.excerpt import excerpt
from tasks.model import Row

# S3's own limit for a key, prefix included, is 1,024 bytes; the destination's prefix may be longer than the source's.
LONGEST_KEY_BYTES = 900
# A photograph saved anew is not half as large: this is an object that was cut off (4-9 of the sources).
SHRUNK_TO = 0.5
# A store may tell another second just after it took an object than later.
SETTLES = timedelta(seconds=2)


class Why(enum.StrEnum):
    """Why an object has to be copied, or looked at."""

    MISSING = "missing"
    SIZE = "of another size"
    CHANGED = "written again at the source"
    TOUCHED = "not what we wrote in the copy"
    UNKNOWN = "not copied by us, and not compared yet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """An object that is not in the copy as it is at the source. `bytes` and `at` are the source's."""

    key: str
    why: Why
    bytes: int
    at: datetime
    copy_bytes: int | None

    @property
    def shrunk(self) -> bool:
        """Was it cut off at the source, as it looks?"""
        return self.copy_bytes is not None and self.bytes < SHRUNK_TO * self.copy_bytes

    @property
    def shown(self) -> Row:
        """As a row of evidence."""
        at = self.at.isoformat()
        return {"key": excerpt(self.key, 200), "why": self.why.value, "bytes": self.bytes, "at": at}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A copy beside its source: what lacks, the oldest first. `left_out` are keys that no copy of ours takes."""

    objects: int
    lacking: Sequence[Lacking]
    left_out: Sequence[str]

    @property
    def missing(self) -> list[Lacking]:
        return [one for one in self.lacking if one.why is Why.MISSING]

    @property
    def uncompared(self) -> list[Lacking]:
        return [one for one in self.lacking if one.why is Why.UNKNOWN]

    @property
    def differing(self) -> list[Lacking]:
        return [one for one in self.lacking if one.why not in (Why.MISSING, Why.UNKNOWN)]


def standing(copy: BucketCopy) -> Standing:
    """How the copy stands now.

    Raises:
        CannotLook, Refused: one of the stores, or the manifest, does not tell.
    """
    here = copy.source.objects(copy.most_listed)
    there = copy.destination.objects(copy.most_listed)
    known = copy.written_down.read()
    left_out = [key for key in here if not copyable(key)]
    lacking = [
        Lacking(key=key, why=why, bytes=one.bytes, at=one.at, copy_bytes=there[key].bytes if key in there else None)
        for key, one in here.items()
        if copyable(key) and (why := _why(one, there.get(key), known.get(key)))
    ]
    lacking.sort(key=lambda one: (one.at, one.key))
    return Standing(objects=len(here), lacking=lacking, left_out=left_out)


def copyable(key: str) -> bool:
    """Is it an object with a name that means the same everywhere?

    What ends in '/' is a folder's mark of a console; '..' and control characters are paths to some stores.
    """
    parts = key.split("/")
    return key.isprintable() and not {"", ".", ".."} & {*parts} and len(key.encode()) <= LONGEST_KEY_BYTES


def total(some: Sequence[Lacking]) -> str:
    """'3 objects, 4.2 MiB'."""
    return f"{len(some):,} object{'' if len(some) == 1 else 's'}, {size(sum(one.bytes for one in some))}"


def ages(some: Sequence[Lacking]) -> Iterator[float]:
    """How long each has waited, in seconds."""
    return (max(0.0, (datetime.now(UTC) - one.at).total_seconds()) for one in some)


def _why(here: Listed, there: Listed | None, known: Line | None) -> Why | None:
    if there is None:
        return Why.MISSING
    if there.bytes != here.bytes:
        return Why.SIZE
    if known is None:
        return Why.UNKNOWN
    if known.source_at != here.at.isoformat():
        return Why.CHANGED
    # Without a time, another object was there already.
    ours = known.copy_at and abs(datetime.fromisoformat(known.copy_at) - there.at) <= SETTLES
    return None if ours else Why.TOUCHED
