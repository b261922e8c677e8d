"""The door to a folder where evidence is kept: copies that nobody changes, and who took them."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, ClassVar

from pydantic import AfterValidator, Field

from tasks.amounts import size
from tasks.evidence import custody
from tasks.evidence.custody import Record
from tasks.logs.generations import Generation, before, opened, written_to
from tasks.logs.system import LogFile
from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.system import System

CHUNK_BYTES = 2**20
# What was turned away within so long belongs to what happened.
TURNED_WITHIN_S = 86_400.0
MOST_TURNED = 10
# A full disk stops more than the incident did.
LEFT_FREE = 0.1
# Compared at each look, the newest first; all of it by `sha256sum`.
COMPARED_BYTES = 256 * 2**20


def _whole(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path: what runs this may be started anywhere")
    return path


class EvidenceFolder(System):
    """Where copies of logs are kept, hashed, before anything is changed. Names are never written twice.

    For its owner only. Better on another disk than the logs, and where whoever broke in cannot write.
    """

    kind: ClassVar[str] = "evidence"
    config_lines: ClassVar[str] = 'folder = "/var/lib/incident/evidence"   # for its owner only; better on another disk'

    folder: Annotated[Path, AfterValidator(_whole)]
    # Of one log, at one time. Of more the newest part is kept, and that is said.
    most_bytes: int = Field(default=512 * 2**20, ge=2**16, le=2**36)

    def records(self) -> list[Record]:
        """The chain of custody, the oldest first.

        Raises:
            Broken: it was changed. CannotLook: it cannot be read.
        """
        return custody.read(self.folder)

    def generations(self, log: LogFile) -> list[Generation]:
        """The files of a log that belong to the last day, the one written to now first.

        Raises:
            CannotLook, Refused: it is not there, or may not be read.
        """
        now = written_to(log.path)
        since_s = time.time() - TURNED_WITHIN_S
        return [now, *(one for one in before(log.path, now)[:MOST_TURNED] if one.changed_s >= since_s)]

    def keep(self, log: LogFile) -> list[Row]:
        """Copy the files of a log; what lies there already with the same content is not copied again.

        Raises:
            CannotLook: it is not there, or somebody else is at it. Refused: it may not be read, or there is no room.
        """
        with custody.alone(self.folder):
            self._sweep()
            left = self.most_bytes
            rows: list[Row] = []
            for one in self.generations(log):
                if left <= 0:
                    break
                row = self._copied(log, one, left)
                left -= int(str(row["bytes"]))
                rows.append(row)
            return rows

    def remove(self, files: dict[str, str]) -> list[str]:
        """Remove copies by name and SHA-256, and write down that it was done; returns the names that are gone.

        Raises:
            CannotLook: somebody else is at it. Refused: a name is no copy of ours, or its content is another.
        """
        kept = {str(one["file"]): str(one["sha256"]) for one in self.records() if "file" in one}
        for name, sha256 in files.items():
            if kept.get(name) != sha256 or Path(name).name != name:
                raise Refused(f"{name} is no copy that was kept here.")
        gone = []
        with custody.alone(self.folder):
            for name, sha256 in files.items():
                place = self.folder / name
                if place.exists():
                    if _sha256_of(place) != sha256:
                        raise Refused(f"{place} holds something else by now, and is evidence of that: it is left.")
                    place.unlink()
                custody.add(self.folder, removed=name, of=sha256)
                gone.append(name)
        return gone

    def altered(self) -> list[str]:
        """The copies that are not what the custody says, as far as they are compared.

        Raises:
            Broken: the custody itself was changed. CannotLook: it cannot be read.
        """
        records, left, wrong = self.records(), COMPARED_BYTES, []
        removed = {str(one["removed"]) for one in records if "removed" in one}
        for one in reversed([one for one in records if "file" in one and one["file"] not in removed]):
            place, bytes_ = self.folder / str(one["file"]), int(one["bytes"])
            try:
                if place.stat().st_size != bytes_:
                    wrong.append(f"{place.name} has another size")
                elif bytes_ <= left:
                    left -= bytes_
                    if _sha256_of(place) != one["sha256"]:
                        wrong.append(f"{place.name} has another content")
            except OSError as error:
                wrong.append(f"{place.name}: {error.strerror}")
        return wrong

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            with custody.alone(self.folder):
                wrong = self.altered()
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        free = shutil.disk_usage(self.folder).free
        told = f"; {wrong[0]}" if wrong else ""
        yield Finding(
            verdict=Verdict.BAD if wrong else Verdict.OK,
            says=f"{self.folder} can be written, {size(free)} are free{told}.",
        )

    def _sweep(self) -> None:
        """What a copy that was killed half-way has left."""
        for one in self.folder.glob("*.partial"):
            one.unlink(missing_ok=True)

    def _copied(self, log: LogFile, one: Generation, most: int) -> Row:
        with opened(one.path) as (file, real):
            room = shutil.disk_usage(self.folder)
            if room.free - min(real.size, most) < LEFT_FREE * room.total:
                raise Refused(
                    f"{self.folder} has {size(room.free)} left, too little for {size(min(real.size, most))} of "
                    f"{real.path}: a tenth of the disk stays free.",
                    remedy="Name a folder on a disk with room, or a smaller `most_bytes`.",
                )
            skipped = max(0, real.size - most)
            # As it lies there, packed or not: unpacked it would be another file than the one that was found.
            with real.path.open("rb") if real.is_packed else file as raw:
                raw.seek(skipped)
                name, sha256, written = self._written(log, raw, real.size - skipped)
        said: dict[str, str | int] = {
            "file": name,
            "sha256": sha256,
            "bytes": written,
            "service": log.service,
            "mark": mark(log),
            "path": str(real.path),
            "identity": real.identity,
            "skipped": skipped,
        }
        if any(one.get("file") == name for one in self.records()):
            # Another incident's: it is not ours to remove.
            custody.add(self.folder, seen_again=name, mark=mark(log))
            return {**said, "kept_before": True}
        custody.add(self.folder, **said)
        return said

    def _written(self, log: LogFile, raw: IO[bytes], most: int) -> tuple[str, str, int]:
        """The name it lies under, its hash and its length. Only what was there when it was begun: a log grows."""
        partial = self.folder / f"{os.getpid()}.partial"
        digest, left = hashlib.sha256(), most
        out = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
        try:
            with os.fdopen(out, "wb") as kept:
                while left > 0 and (chunk := raw.read(min(CHUNK_BYTES, left))):
                    kept.write(chunk)
                    digest.update(chunk)
                    left -= len(chunk)
                kept.flush()
                os.fsync(kept.fileno())
            sha256 = digest.hexdigest()
            already = next((one.name for one in self.folder.glob(f"*-{sha256[:16]}.log")), "")
            if already and _sha256_of(self.folder / already) == sha256:
                return already, sha256, most - left
            at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            name = f"{at}-{_plain(log.service)}-{sha256[:16]}.log"
            # A link never replaces what is there.
            os.link(partial, self.folder / name)
            return name, sha256, most - left
        except OSError as error:
            raise Refused(f"No copy could be written to {self.folder}: {error.strerror}.") from None
        finally:
            partial.unlink(missing_ok=True)


def mark(log: LogFile) -> str:
    """By which a log is found again where its path is masked, as it is where a home folder is a secret."""
    return hashlib.sha256(str(log.path).encode()).hexdigest()[:12]


def _plain(service: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in service)[:40]


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
