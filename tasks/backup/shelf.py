"""Backups on disk: a folder each, with the dump, the roles, the way back, and a manifest that counts and hashes them.

Only their owner may read them. One is written under another name and renamed when it is whole: what bears a backup's
name is complete. It counts as good once `proof.json` lies in it, which names the manifest it is the proof of.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.backup.content import Content
from tasks.model import CannotLook, Refused

FORMAT = 1
DUMP, GLOBALS, HOW = "database.dump", "globals.sql", "RESTORE.txt"
MANIFEST, PROOF = "manifest.json", "proof.json"
# All of one, in the order in which a copy of it is whole.
FILES = (DUMP, GLOBALS, HOW, MANIFEST, PROOF)
PARTIAL, DIFFERS = ".partial", ".differs"
LOCK = ".lock"
OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A whole backup. `at` is the moment its rows are of; `proven_at` when it was restored and compared, or None."""

    place: Path
    manifest: Mapping[str, Any]
    sha256: str
    proven_at: datetime | None

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(str(self.manifest["at"]))

    @property
    def differs(self) -> bool:
        return self.place.name.endswith(DIFFERS)

    @property
    def bytes(self) -> int:
        return sum(int(file["bytes"]) for file in self.manifest["files"])

    @property
    def content(self) -> Content:
        return Content(**self.manifest["content"])

    @property
    def trial_s(self) -> float:
        """How long its trial took, restored and compared, in seconds; 0 where it had none."""
        try:
            return float(json.loads((self.place / PROOF).read_bytes())["took_s"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0

    @property
    def files(self) -> list[Path]:
        """All of it, in the order in which a copy is whole: the proof is the last."""
        return [self.place / name for name in FILES if (self.place / name).exists()]

    def altered(self) -> list[str]:
        """The files that are not what the manifest says, each with the reason. Reads them to the end."""
        return [f"{f['file']} {why}" for f in self.manifest["files"] if (why := _wrong(self.place / f["file"], f))]


def backups(folder: Path, source: str) -> list[Backup]:
    """Those of `source` (an address), the newest first; what is being written, and other folders, are left out.

    Raises:
        CannotLook: the folder cannot be read. A folder that is not there yet has none.
    """
    try:
        there = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CannotLook(f"{folder} cannot be read: {error.strerror}.") from error
    found = [backup for path in there if (backup := _read(path)) and backup.manifest["source"] == source]
    return sorted(found, key=lambda one: (one.at, one.name), reverse=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else works in this folder: what looks half done there is left over, and removed.

    Raises:
        CannotLook: somebody else does; Refused: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
        end = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        try:
            fcntl.flock(end, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotLook(f"Another backup, or its clean-up, is under way in {folder}.") from None
        for left in folder.glob(f".*{PARTIAL}"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(end)


@contextmanager
def writing(folder: Path, name: str) -> Iterator[Path]:
    """A folder to write a backup into, which gets its name at the end of the block, or is removed if that raises.

    Raises:
        Refused: it cannot be written, above all because the disk is full.
    """
    # A name of its own: a pg_dump whose parent was killed may still write, and the next run begin in the same second.
    partial = folder / f".{name}.{secrets.token_hex(4)}{PARTIAL}"
    try:
        partial.mkdir(mode=OWNER_ONLY_FOLDER)
        yield partial
        for file in partial.iterdir():
            file.chmod(OWNER_ONLY)
            _sync(file)
        _sync(partial)
        partial.rename(folder / name)
        _sync(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def name_for(database: str, at: datetime) -> str:
    """A folder's name: of which database, and when, in UTC."""
    return f"{_UNSAFE.sub('-', database).strip('-')[:40] or 'database'}-{at:%Y%m%dT%H%M%SZ}"


def described(place: Path) -> list[dict[str, Any]]:
    """The dump, the roles and the way back, with their sizes and hashes."""
    return [
        {"file": name, "bytes": (place / name).stat().st_size, "sha256": hash_of(place / name)}
        for name in (DUMP, GLOBALS, HOW)
    ]


def write(path: Path, body: Mapping[str, Any]) -> None:
    """A JSON file, whole or not there at all.

    Raises:
        Refused: it cannot be written.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        end = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(end, "w", encoding="utf-8") as out:
            json.dump(body, out, indent=1, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def set_apart(backup: Backup) -> Path:
    """Give what differs a name by which nobody takes it for a backup; it is kept for whoever wants to know why."""
    apart = backup.place.with_name(backup.place.name + DIFFERS)
    backup.place.rename(apart)
    _sync(apart.parent)
    return apart


def remove(place: Path) -> None:
    """Away with a backup: first its name, so that half of one never bears it.

    Raises:
        Refused: it cannot be removed.
    """
    partial = place.with_name(f".{place.name}{PARTIAL}")
    try:
        place.rename(partial)
        shutil.rmtree(partial)
        _sync(place.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(place, error) from error


def hash_of(path: Path) -> str:
    """SHA-256 of the file."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _read(place: Path) -> Backup | None:
    try:
        text = (place / MANIFEST).read_bytes()
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            return None
        sha256 = hashlib.sha256(text).hexdigest()
        backup = Backup(place=place, manifest=manifest, sha256=sha256, proven_at=_proven_at(place, sha256))
        return (
            backup if backup.at.tzinfo and all(Path(f["file"]).name == f["file"] for f in manifest["files"]) else None
        )
    except (OSError, ValueError, KeyError, TypeError):
        # Somebody else's folder, or one whose manifest is damaged: no backup.
        return None


def _proven_at(place: Path, sha256: str) -> datetime | None:
    try:
        proof = json.loads((place / PROOF).read_bytes())
    except (OSError, ValueError):
        return None
    if place.name.endswith(DIFFERS) or not isinstance(proof, dict) or proof.get("manifest") != sha256:
        return None
    return datetime.fromisoformat(str(proof["at"]))


def _wrong(path: Path, told: Mapping[str, Any]) -> str:
    try:
        return "" if hash_of(path) == told["sha256"] else "is not what was written: its SHA-256 differs"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _unwritable(place: Path, error: OSError) -> Refused:
    return Refused(
        f"{place} cannot be written: {error.strerror}.",
        remedy="Look at the folder's owner, and at the free space; nothing half done was left there.",
    )


def _sync(path: Path) -> None:
    end = os.open(path, os.O_RDONLY)
    try:
        os.fsync(end)
    finally:
        os.close(end)
