"""A file that others read while we write it: replaced in one step, and by one of us at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(file: Path, content: bytes, like: os.stat_result) -> None:
    """In one step, readable by whoever may read what `like` describes, and by nobody else meanwhile.

    Raises:
        OSError: it cannot be written; what there was is there still.
    """
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(out, "wb") as opened:
            opened.write(content)
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(opened.fileno(), like.st_uid, like.st_gid)
            os.fchmod(opened.fileno(), like.st_mode & 0o777)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
    except OSError:
        new.unlink(missing_ok=True)
        raise


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Whoever holds the lock file is the only one; it stays there, and its process's end lets go of it.

    Raises:
        BlockingIOError: somebody else holds it. OSError: it cannot be made.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)
