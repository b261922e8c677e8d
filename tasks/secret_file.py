"""A secret in a file that an application reads, too: read anew each time, replaced in one step, never shown.

`noun` is what the file holds, a key or a password; the setting that names the file is called after it: `key_file`.
"""

from __future__ import annotations

from pathlib import Path
from unicodedata import category

from pydantic import SecretStr

from tasks import lone_file
from tasks.model import Refused

# What is longer was not meant as a secret.
LONGEST = 4096


def read(file: Path, noun: str) -> SecretStr:
    """The secret in `file`, without the line break that most files end in. A key has no blanks; a password may.

    Raises:
        Refused: it cannot be read, or holds none.
    """
    text = _content(file, noun).decode("utf-8", "replace").rstrip("\r\n")
    if noun == "key":
        text = text.strip()
    if not text.strip():
        raise _holds_none(file, noun, "it is empty")
    if any(category(one) == "Cc" or one == "\ufffd" for one in text) or (noun == "key" and len(text.split()) > 1):
        raise _holds_none(file, noun, "one line of text is expected")
    return SecretStr(text)


def put(file: Path, secret: SecretStr, noun: str) -> None:
    """Put `secret` in place of what is there, which is kept beside it, as readable as before and no more.

    Raises:
        Refused: it cannot be written.
    """
    old = _content(file, noun)
    try:
        about = file.stat()
        # First the old one: whatever breaks off, there is always a whole one at either place.
        lone_file.replace(kept(file), old, about)
        lone_file.replace(file, secret.get_secret_value().encode() + b"\n", about)
    except OSError as error:
        raise _unwritable(file, noun, error) from None


def put_back(file: Path, noun: str) -> bool:
    """Put what `put` replaced in its place again, in one step; False where nothing is kept.

    Raises:
        Refused: it cannot be written.
    """
    try:
        kept(file).replace(file)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(file, noun, error) from None
    return True


def kept(file: Path) -> Path:
    """Where `put` keeps what it replaces."""
    return file.with_name(f"{file.name}.before")


def _content(file: Path, noun: str) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST + 1)
    except OSError as error:
        raise Refused(
            f"The {noun} file {file} cannot be read: {error.strerror or error}.",
            remedy=f"Correct `{noun}_file`, or let whoever runs this read it: ls -l {file}",
        ) from None
    if len(content) > LONGEST:
        raise _holds_none(file, noun, f"it is longer than {LONGEST} bytes")
    return content


def _holds_none(file: Path, noun: str, why: str) -> Refused:
    return Refused(
        f"The {noun} file {file} holds no {noun}: {why}.",
        remedy=f"Correct `{noun}_file`, or the file: one line with the {noun} and nothing else.",
    )


def _unwritable(file: Path, noun: str, error: OSError) -> Refused:
    return Refused(
        f"The {noun} file {file} cannot be written: {error.strerror or error}.",
        remedy=f"Let whoever runs this write that file and in {file.parent}, or put the {noun} there by hand.",
    )
