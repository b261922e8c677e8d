"""Anchors: the newest seal, written where whoever owns the database cannot reach it.

One JSON object a line. A seal that was rewritten, or an older backup that was restored, no longer fits them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.journal.seal import Seal


class NotAnchors(Exception):
    """The file does not hold anchors; the message says which line, and what to do."""


def anchor(file: Path, seal: Seal) -> bool:
    """Add `seal` to the file unless it is there already; was it added?

    Raises:
        NotAnchors: the file holds something else.
        OSError: it cannot be written.
    """
    if seal.seal in anchors([file]):
        return False
    line = json.dumps({"seal": seal.seal, "at": seal.at, "hash": seal.hash})
    # Only ever added to: a file system that allows nothing else (chattr +a, a write-once share) is a good place.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())
    return True


def anchors(files: Sequence[Path]) -> Mapping[int, str]:
    """The hashes of the anchored seals, by number, from all files; of a file that is not there yet, none.

    Raises:
        NotAnchors: a line is no anchor, or two of them contradict each other.
    """
    found: dict[int, str] = {}
    for file in files:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{file}, line {number}"
            seal, hashed = _parsed(line, where)
            if found.setdefault(seal, hashed) != hashed:
                raise NotAnchors(
                    f"{where}: seal {seal} was anchored with another hash before: the record was written anew between."
                )
    return found


def _parsed(line: str, where: str) -> tuple[int, str]:
    try:
        told = json.loads(line)
        return int(told["seal"]), str(told["hash"])
    except (ValueError, TypeError, KeyError) as error:
        raise NotAnchors(f"{where}: no anchor: {error}. Remove the line if a crash cut it off.") from None
