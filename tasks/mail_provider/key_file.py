"""The file in which an application finds its key: read anew each time, replaced in one step, never shown."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pydantic import SecretStr

from tasks.model import Refused

# The longest keys of the four vendors have 70 characters.
LONGEST = 4096
BEFORE = ".before"


def fingerprint(key: SecretStr) -> str:
    """By which a person tells two keys apart; of a random key it gives nothing away."""
    return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:8]


def read(file: Path) -> SecretStr:
    """The key in `file`, without the line break that most files end in.

    Raises:
        Refused: it cannot be read, or holds no key.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST + 1)
    except OSError as error:
        raise Refused(
            f"The key cannot be read from {file}: {error.strerror}.",
            remedy="Correct `key_file`, or let whoever runs this read it.",
        ) from None
    key = content.decode("utf-8", "replace").strip()
    if len(content) > LONGEST or not key or not key.isprintable() or len(key.split()) > 1:
        raise Refused(f"{file} holds no key: one line with nothing else is expected.", remedy="Correct `key_file`.")
    return SecretStr(key)


def put(file: Path, key: SecretStr) -> None:
    """Put `key` in place of what is there, which is kept beside it, as readable as before and no more.

    Raises:
        Refused: it cannot be written.
    """
    try:
        old = file.stat()
        # First the old one: whatever breaks off, there is always a whole key at either place.
        _write(file.with_name(file.name + BEFORE), file.read_bytes(), old)
        _write(file, key.get_secret_value().encode() + b"\n", old)
    except OSError as error:
        raise Refused(
            f"The key cannot be put into {file}: {error.strerror}.",
            remedy="Let whoever runs this write that file and its folder, or put the key there by hand.",
        ) from None


def kept(file: Path) -> SecretStr:
    """The key that `put` replaced.

    Raises:
        Refused: none is kept, or it cannot be read.
    """
    return read(file.with_name(file.name + BEFORE))


def _write(file: Path, content: bytes, like: os.stat_result) -> None:
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(out, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
            if (like.st_uid, like.st_gid) != (os.getuid(), os.getgid()):
                os.fchown(opened.fileno(), like.st_uid, like.st_gid)
            os.fchmod(opened.fileno(), like.st_mode & 0o777)
        new.rename(file)
    except OSError:
        new.unlink(missing_ok=True)
        raise
