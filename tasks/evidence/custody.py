"""The chain of custody: what was kept, when, by whom and from where; each line holds the hash of the one before it."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tasks import lone_file
from tasks.model import CannotLook, Refused, canonical

BOOK, LOCK = "custody.jsonl", ".lock"
FIRST = "0" * 64
# A line for each copy: of more, a folder has been filled for years.
MOST_BYTES = 64 * 2**20

Record = Mapping[str, Any]


class Broken(Refused):
    """A line of the custody is not what was written, or one is gone."""


def read(folder: Path) -> list[Record]:
    """Every line, the oldest first; none where nothing was ever kept.

    Raises:
        Broken: a line was changed, or taken out. CannotLook: it cannot be read.
    """
    try:
        with (folder / BOOK).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CannotLook(f"{folder / BOOK} cannot be read: {error.strerror}.") from None
    if len(content) > MOST_BYTES:
        raise Refused(f"{folder / BOOK} is larger than {MOST_BYTES:,} bytes.", remedy="Begin a new folder.")
    found: list[Record] = []
    before = FIRST
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or record.get("before") != before:
            raise Broken(
                f"Line {number} of {folder / BOOK} does not follow from the one before it: somebody changed it, or "
                "took one out.",
                remedy="Compare with the hashes in the record of the incidents: incident audit verify",
            )
        found.append(record)
        before = hashlib.sha256(line).hexdigest()
    return found


def add(folder: Path, **said: Any) -> Record:
    """Write one line at the end. To be called by whoever holds the folder `alone`.

    Raises:
        Broken, Refused: the book is not what it was, or cannot be written. CannotLook: it cannot be read.
    """
    read(folder)
    book = folder / BOOK
    last = book.read_bytes().splitlines()[-1:] if book.exists() else []
    record = {
        "at_s": round(time.time(), 3),
        "by": f"{getpass.getuser()}@{socket.gethostname()} ({os.getpid()})",
        "before": hashlib.sha256(last[0]).hexdigest() if last else FIRST,
        **said,
    }
    try:
        out = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(out, "wb") as file:
            file.write(canonical(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Refused(f"{book} cannot be written: {error.strerror}.") from None
    return record


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else keeps or removes anything in this folder meanwhile. It is made, for its owner only.

    Raises:
        CannotLook: somebody else is at it. Refused: it cannot be made, or others may read it.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                raise Refused(f"Others may read {folder}.", remedy=f"chmod 700 {folder}")
            held.enter_context(lone_file.alone(folder / LOCK))
        except BlockingIOError:
            raise CannotLook(f"Somebody else keeps evidence in {folder} right now.", remedy="Try again.") from None
        except OSError as error:
            raise Refused(
                f"{folder} cannot be written: {error.strerror}.", remedy="Let whoever runs this write there."
            ) from None
        yield
