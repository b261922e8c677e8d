"""The file a service writes to now, and those it has written to before: renamed, dated, packed."""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tasks.model import CannotLook, Refused

PACKED = frozenset({".gz", ".bz2", ".xz"})
# What rotation puts behind a name: .1, -20261129, .2026-11-29_10-00, and .gz; not .lock, nor .err.
_TURNED = re.compile(r"[-._]\d[\d._T:-]*(?:\.log)?(?:\.(?:gz|bz2|xz))?")


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One file of a log. `identity` is device and inode, as text: an inode may be beyond what JSON keeps exactly."""

    path: Path
    identity: str
    size: int
    changed_s: float

    @property
    def is_packed(self) -> bool:
        return self.path.suffix in PACKED


def current(path: Path) -> Generation:
    """What is written to now: `path` itself, or of all that fit it as a pattern the one changed last.

    Raises:
        CannotLook: there is none. Refused: it may not be looked at, or is no file.
    """
    if not glob.has_magic(path.name):
        return _looked_at(path)
    fitting = sorted(_fitting(path), key=lambda one: (one.changed_s, one.path.name))
    plain = [one for one in fitting if not one.is_packed]
    if not plain:
        raise CannotLook(f"No file fits {path}.", remedy="Correct `path`, or look why nothing writes there.")
    return plain[-1]


def written_to(path: Path) -> Generation:
    """Where new lines really come: `current`, unless that is missing or empty, and one that was turned away grows on.

    So it is where rotation renamed a file and nobody told the service.

    Raises:
        CannotLook, Refused: as of `current`.
    """
    try:
        now: Generation | None = current(path)
    except Refused:
        raise
    except CannotLook:
        now = None
    if now is not None and now.size:
        return now
    turned = next((one for one in before(path, now) if not one.is_packed), None)
    if turned is None or (now is not None and turned.changed_s <= now.changed_s):
        return now or current(path)
    return turned


def before(path: Path, now: Generation | None) -> tuple[Generation, ...]:
    """The generations beside `now`, the one changed last first."""
    if glob.has_magic(path.name):
        found = [*_fitting(path), *_fitting(path.with_name(f"{path.name}.*"))]
    else:
        stem = path.with_suffix("").name
        beside = [*_fitting(path.with_name(f"{glob.escape(stem)}*"))]
        found = [one for one in beside if _is_turned(one.path.name, path)]
    others = {one.path: one for one in found if now is None or one.identity != now.identity}
    return tuple(sorted(others.values(), key=lambda one: -one.changed_s))


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], Generation]]:
    """The file as it was written, unpacked if it is packed, and which one it is: by its name, it may soon be another.

    Raises:
        CannotLook: it is gone. Refused: it may not be read, or is no file: a pipe would be waited for.
    """
    try:
        # Without waiting: whoever opens a pipe hangs until somebody writes.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from None
    with os.fdopen(number, "rb") as file:
        yield unpacked(file, path.suffix), _generation(path, os.fstat(number))


def unpacked(file: IO[bytes], suffix: str) -> IO[bytes]:
    """What was packed into `file`, as the suffix of its name says."""
    if suffix == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if suffix == ".bz2":
        return cast("IO[bytes]", bz2.BZ2File(file))
    return cast("IO[bytes]", lzma.LZMAFile(file)) if suffix == ".xz" else file


def _is_turned(name: str, path: Path) -> bool:
    """Is it what rotation made of `path`: app.log.1, app.log-20261129.gz, app-2026-11-29.log?"""
    if name == path.name:
        return True
    stem = path.name if name.startswith(path.name) else path.with_suffix("").name
    return _TURNED.fullmatch(name.removeprefix(stem)) is not None


def _fitting(pattern: Path) -> Iterator[Generation]:
    for name in glob.glob(str(pattern)):  # noqa: PTH207 - Path.glob takes no absolute pattern
        try:
            yield _looked_at(Path(name))
        except CannotLook:
            continue  # turned again meanwhile, or no file


def _looked_at(path: Path) -> Generation:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return _generation(path, found)


def _generation(path: Path, found: os.stat_result) -> Generation:
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"{path} is no file.", remedy="Name the file that is written to.")
    identity = f"{found.st_dev}:{found.st_ino}"
    return Generation(path=path, identity=identity, size=found.st_size, changed_s=found.st_mtime)


def _unreadable(path: Path, error: OSError) -> CannotLook:
    if isinstance(error, PermissionError):
        return Refused(
            f"{path} may not be read by us.",
            remedy="Let whoever runs this read it: usermod -aG adm USER, or setfacl -m u:USER:r FILE.",
        )
    if isinstance(error, FileNotFoundError):
        return CannotLook(f"{path} does not exist.", remedy="Correct `path`, or look why nothing writes there.")
    return CannotLook(f"{path} cannot be read: {error.strerror}.")
