"""What was copied: a line an object, added when the copy was read back. The last line about an object counts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.model import CannotLook, Refused

OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An object as it was when it was copied; times in ISO 8601, to the second."""

    key: str
    bytes: int
    sha256: str
    # When it was written at the source, and by us at the destination: who writes it again changes that.
    source_at: str
    copy_at: str


@dataclass(frozen=True)
class Manifest:
    """The file. `of` says which two places it is about: one of others is refused."""

    file: Path
    of: str

    def read(self) -> Mapping[str, Line]:
        """What is written down, by key; nothing where the file is not there yet.

        Raises:
            Refused: it is no manifest, or that of another copy. CannotLook: it cannot be read.
        """
        try:
            lines = self.file.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CannotLook(f"{self.file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise self._no_manifest("line 1") from error
        if lines[0] != self._first():
            raise self._no_manifest("line 1")
        known: dict[str, Line] = {}
        # After the last line break stands nothing, or what a killed run did not write to its end.
        for number, text in enumerate(lines[1:-1], 2):
            try:
                line = Line(**json.loads(text))
            except (ValueError, TypeError) as error:
                # Such a half line may also have been written on, in the next run.
                raise self._no_manifest(f"line {number}") from error
            known[line.key] = line
        return known

    def add(self, line: Line) -> None:
        """Write one more, so that a power cut does not take it away.

        Raises:
            Refused: it cannot be written.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
            end = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
            with os.fdopen(end, "r+b") as out:
                text = json.dumps(asdict(line), ensure_ascii=False).encode() + b"\n"
                _to_last_line(out.fileno())
                if os.lseek(out.fileno(), 0, os.SEEK_CUR) == 0:
                    text = f"{self._first()}\n".encode() + text
                os.write(out.fileno(), text)
                os.fsync(out.fileno())
        except OSError as error:
            raise Refused(f"{self.file} cannot be written: {error.strerror}.") from error

    def _first(self) -> str:
        return json.dumps({"copy": self.of, "format": 1})

    def _no_manifest(self, where: str) -> Refused:
        return Refused(
            f"{self.file}, {where}: this is no manifest of {self.of}.",
            remedy="Name another file as `manifest`, or move this one away: then every copy is read once and compared.",
        )


def _to_last_line(end: int) -> None:
    """Stand behind the last whole line, and cut off what a killed run left after it."""
    size = os.lseek(end, 0, os.SEEK_END)
    tail = min(size, 2**16)
    os.lseek(end, size - tail, os.SEEK_SET)
    whole = size - tail + os.read(end, tail).rfind(b"\n") + 1 if tail else 0
    os.ftruncate(end, whole)
    os.lseek(end, whole, os.SEEK_SET)
