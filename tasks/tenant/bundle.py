"""An export on disk: a folder with one CSV file a table, and a manifest that counts and hashes them.

Only its owner may read it (0700, 0600). It is written under another name and renamed when it is whole: what bears an
export's name is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.model import Refused, Row, canonical

FORMAT = 1
MANIFEST = "manifest.json"
PIECE_BYTES = 2**20
OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True)
class File:
    """One table's rows: where they are, how many, and what the file's bytes must hash to."""

    table: str
    file: str
    columns: Sequence[Row]
    key: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an export holds. `sha256` is over the manifest itself, in canonical JSON."""

    tenant: str
    source: str
    exported_at: str
    files: tuple[File, ...]
    sha256: str

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def name_for(tenant: str) -> str:
    """A folder's name for `tenant`: readable, and of no two tenants the same, whatever signs they are made of.

    Raises:
        Refused: nobody could be called so.
    """
    if not tenant or not tenant.isprintable():
        raise Refused(f"{tenant!r} is no tenant: a line break, a NUL or nothing at all is no part of a name.")
    readable = re.sub(r"[^A-Za-z0-9]+", "-", tenant).strip("-")[:40] or "tenant"
    return f"{readable}-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


class Writer:
    """An export that is being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: list[File] = []

    def write(self, table: str, columns: Sequence[Row], key: tuple[str, ...], copy: Callable[[Any], int]) -> File:
        """One table's file; `copy` is called with what takes the pieces, and returns how many rows it gave."""
        name = f"{len(self.files) + 1:02d}-{re.sub(r'[^A-Za-z0-9_.]+', '-', table).strip('-')[:80]}.csv"
        hashed = hashlib.sha256()
        size = 0
        with _created(self._folder / name) as out:

            def take(piece: bytes) -> None:
                nonlocal size
                size += len(piece)
                hashed.update(piece)
                out.write(piece)

            rows = copy(take)
        self.files.append(
            File(table=table, file=name, columns=columns, key=key, rows=rows, bytes=size, sha256=hashed.hexdigest())
        )
        return self.files[-1]

    def close(self, **told: str) -> None:
        """Write the manifest."""
        body = {"format": FORMAT, **told, "files": [_as_json(file) for file in self.files]}
        with _created(self._folder / MANIFEST) as out:
            out.write(json.dumps(body, indent=2, ensure_ascii=False).encode())


@contextmanager
def writing(place: Path) -> Iterator[Writer]:
    """A new export at `place`; whole, or not there at all.

    Raises:
        Refused: there is one already, or the folder cannot be written.
    """
    if place.exists():
        raise Refused(f"{place} is there already.", remedy="Move it away, or take that export back first.")
    partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        yield Writer(partial)
        partial.rename(place)
        _sync(place.parent)
    except OSError as error:
        raise Refused(
            f"{place} cannot be written: {error.strerror}.", remedy="Look at the folder's owner, and at the free space."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def manifest_at(place: Path) -> Manifest:
    """The manifest of the export at `place`.

    Raises:
        Refused: there is none, or it is not one of ours.
    """
    try:
        body = json.loads((place / MANIFEST).read_bytes())
        if body["format"] != FORMAT:
            raise Refused(f"{place} has the format {body['format']}; this version reads {FORMAT}.")
        return Manifest(
            tenant=body["tenant"],
            source=body["source"],
            exported_at=body["exported_at"],
            files=tuple(_as_file(told) for told in body["files"]),
            sha256=hashlib.sha256(canonical(body)).hexdigest(),
        )
    except OSError as error:
        raise Refused(f"There is no export at {place}: {error.strerror}.", remedy="Export the tenant first.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{place / MANIFEST} is no manifest of ours: {type(error).__name__}.") from error


def altered(place: Path, manifest: Manifest) -> list[str]:
    """The files that are not what the manifest says, each with the reason."""
    return [f"{file.file}: {why}" for file in manifest.files if (why := _wrong(place / file.file, file))]


def pieces(place: Path, file: File) -> Iterator[bytes]:
    """The file's bytes, hashed on their way: whoever takes them to the end knows that they are the exported ones.

    Raises:
        Refused: they are not.
    """
    hashed = hashlib.sha256()
    try:
        with (place / file.file).open("rb") as source:
            while piece := source.read(PIECE_BYTES):
                hashed.update(piece)
                yield piece
    except OSError as error:
        raise Refused(f"{place / file.file} cannot be read: {error.strerror}.") from error
    if hashed.hexdigest() != file.sha256:
        raise Refused(f"{place / file.file} is not what was exported: its SHA-256 differs from the manifest's.")


def _wrong(path: Path, file: File) -> str:
    try:
        with path.open("rb") as source:
            same = hashlib.file_digest(source, "sha256").hexdigest() == file.sha256
    except OSError as error:
        return str(error.strerror)
    return "" if same else "its SHA-256 differs from the manifest's"


@contextmanager
def _created(path: Path) -> Iterator[Any]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    end = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(end)
    finally:
        os.close(end)


def _as_json(file: File) -> Row:
    return {**vars(file), "key": list(file.key)}


def _as_file(told: Mapping[str, Any]) -> File:
    if Path(told["file"]).name != told["file"]:
        raise ValueError(f"{told['file']} leads out of the folder")
    return File(**{**told, "key": tuple(told["key"])})
