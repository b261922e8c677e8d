"""The record as JSON Lines: everything that is needed to verify it, far from the database.

1. a line that says what this is and which incidents it holds,
2. each seal with its heads,
3. each entry, ordered by incident and seq,
4. a line that says how much there was: a file without it was cut off.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.journal.audit import Record
from flows.journal.entry import Entry, read_back
from flows.journal.seal import Head, Seal

FORMAT = 1


class NotAnExport(Exception):
    """The file is not an export that can be verified; the message says which line, and what to do."""


def lines(record: Record) -> Iterator[str]:
    """The export, line by line, without line ends."""
    yield _line({"export": "incident-pipelines", "format": FORMAT, "whole": record.whole})
    seals = entries = 0
    for seal, heads in record.seals():
        seals += 1
        yield _line({"seal": vars(seal), "heads": [dataclasses.astuple(head) for head in heads]})
    for entry in record.entries():
        entries += 1
        yield _line({"entry": vars(entry)})
    yield _line({"end": {"seals": seals, "entries": entries}})


def write_whole(file: Path, content: Iterable[str]) -> int:
    """Write the lines to a file that is there only when it is whole, and that only its owner can read; their number.

    Raises:
        NotAnExport: the file exists.
        OSError: it cannot be written.
    """
    if file.exists():
        raise NotAnExport(f"{file} exists already. Name another file: an export is not overwritten.")
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    count = 0
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        for line in content:
            out.write(f"{line}\n")
            count += 1
        out.flush()
        os.fsync(out.fileno())
    part.rename(file)
    return count


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Exported:
    """An export file, read as a Record.

    Raises:
        NotAnExport: it is something else, or was cut off; also while it is being read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines = self._read()
        first = next(self._lines, (1, {}))[1]
        if first.get("export") != "incident-pipelines" or first.get("format") != FORMAT:
            raise NotAnExport(f"{file}: no export of ours (format {FORMAT}). `incident audit export` writes one.")
        self.whole = bool(first.get("whole"))
        self._ahead: tuple[int, dict[str, Any]] | None = None
        self._counted = {"seals": 0, "entries": 0}

    def seals(self) -> Iterable[tuple[Seal, list[Head]]]:
        for number, value in self._lines:
            if "seal" not in value:
                self._ahead = (number, value)
                return
            self._counted["seals"] += 1
            with _at(self._file, number):
                heads = [Head(incident=str(i), seq=int(s), hash=str(h)) for i, s, h in value["heads"]]
                seal = Seal(**value["seal"])
            yield seal, heads

    def entries(self) -> Iterable[Entry]:
        number = 0
        for number, value in self._left():
            if "end" in value:
                self._end(number, value["end"])
                return
            self._counted["entries"] += 1
            with _at(self._file, number):
                entry = Entry(**value["entry"])
            yield entry
        raise NotAnExport(f"{self._file}: it ends after line {number} without its last line: cut off. Export it again.")

    def _left(self) -> Iterator[tuple[int, dict[str, Any]]]:
        if self._ahead:
            yield self._ahead
        yield from self._lines

    def _end(self, number: int, told: object) -> None:
        if told != self._counted:
            raise NotAnExport(
                f"{self._file}, line {number}: it says {told}, and {self._counted} were read: lines were removed or "
                "added. Export it again."
            )

    def _read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                with _at(self._file, number):
                    value = read_back(line)
                if not isinstance(value, dict):
                    raise NotAnExport(f"{self._file}, line {number}: not a table of names and values.")
                yield number, value


@contextmanager
def _at(file: Path, number: int) -> Iterator[None]:
    """What cannot be read says where it stands."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise NotAnExport(f"{file}, line {number}: cannot be read: {error}. Was the file edited?") from None
