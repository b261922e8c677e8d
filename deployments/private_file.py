"""Files with secrets: nobody else can read them, and a crash never leaves half of one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write(file: Path, text: str) -> None:
    """Replace `file` by `text`, 0600."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.rename(file)


def write_json(file: Path, value: object) -> None:
    write(file, json.dumps(value, indent=2) + "\n")


def read_json(file: Path) -> dict[str, Any]:
    """What `write_json` left, or nothing yet."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


class Locked(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def lock(file: Path) -> Iterator[None]:
    """Hold `file` for the length of the block; the kernel lets go when the process dies.

    Raises:
        Locked: another process has it.
    """
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"{file} is held by another process.") from error
        yield


def is_locked(file: Path) -> bool:
    """Does a process hold `file` just now?"""
    if not file.exists():
        return False
    try:
        with lock(file):
            return False
    except Locked:
        return True
