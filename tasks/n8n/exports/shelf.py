"""Exports on disk: a folder a day, a file a workflow, and a manifest that counts and hashes them.

Only its owner may read it (0700, 0600): nodes hold what people wrote into them, keys too. Of credentials n8n tells ids
and names. It is written under another name and renamed when it is whole: what bears a day's name is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from tasks.model import Json, Refused
from tasks.n8n import reading

MANIFEST = "manifest.json"
OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700
# A workflow of a thousand nodes has some 1 MB.
LARGEST = 8_000_000
# What n8n takes to make a workflow of; an id, a name of a version, or who owns it, it refuses.
IMPORTABLE = ("name", "nodes", "connections", "settings")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One workflow in an export; `was_active` at that moment: it is imported inactive all the same."""

    file: str
    id: str
    name: str
    was_active: bool
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Export:
    """One day's export."""

    folder: Path
    day: date
    workflows: tuple[Kept, ...]

    def text(self, one: Kept) -> bytes:
        """The file of `one`, as it was written.

        Raises:
            Refused: it is gone, too long, or not what was written.
        """
        content = _content(self.folder / one.file)
        if hashlib.sha256(content).hexdigest() != one.sha256:
            raise Refused(f"{self.folder / one.file} is not what was exported: its SHA-256 is another.")
        return content


def days(shelf: Path) -> list[date]:
    """The days of which there is an export, the newest first."""
    if not shelf.is_dir():
        return []
    named = [one.name for one in shelf.iterdir() if _DAY.fullmatch(one.name) and one.is_dir()]
    return sorted((found for name in named if (found := _day(name)) is not None), reverse=True)


def read(shelf: Path, day: date) -> Export:
    """That day's export, each file held against the manifest.

    Raises:
        Refused: it is not there, or not whole.
    """
    folder = shelf / day.isoformat()
    told = _json(_content(folder / MANIFEST), folder / MANIFEST)
    kept = tuple(_kept(one) for one in reading.rows(reading.table(told).get("workflows")))
    export = Export(folder=folder, day=day, workflows=kept)
    for one in kept:
        # A name that leads elsewhere was not written by us.
        if Path(one.file).name != one.file or not one.file.endswith(".json"):
            raise Refused(f"{folder / MANIFEST} names a file that is no export's.")
        export.text(one)
    return export


def write(shelf: Path, day: date, workflows: Iterable[Mapping[str, Json]]) -> Export:
    """All of them, or none. An export of that day that is there already is replaced.

    Raises:
        Refused: it cannot be written, or two would be one file.
    """
    begun, folder = shelf / f".{day.isoformat()}.part", shelf / day.isoformat()
    try:
        shelf.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir(mode=OWNER_ONLY_FOLDER)
        kept = [_written(begun, one) for one in workflows]
        told = {"exported_at": datetime.now(UTC).isoformat(), "workflows": [vars(one) for one in kept]}
        _put(begun / MANIFEST, json.dumps(told, indent=1).encode())
        shutil.rmtree(folder, ignore_errors=True)
        begun.rename(folder)
    except OSError as error:
        raise Refused(
            f"{shelf} cannot be written: {error.strerror}.", remedy="Give the worker a folder that it may write to."
        ) from None
    return read(shelf, day)


def _written(folder: Path, one: Mapping[str, Json]) -> Kept:
    known, name = reading.identifier(one.get("id")), reading.text(one.get("name"), reading.LONGEST_NAME)
    if not known or not isinstance(one.get("nodes"), list):
        raise reading.not_n8n("one of its workflows has no id, or no nodes")
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "workflow"
    content = json.dumps({key: one.get(key) for key in IMPORTABLE}, indent=1, sort_keys=True, ensure_ascii=False)
    file = f"{readable}-{known}.json"
    _put(folder / file, content.encode())
    return Kept(
        file=file, id=known, name=name, was_active=one.get("active") is True,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
    )  # fmt: skip


def _put(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _content(file: Path) -> bytes:
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as read_from:
            content = read_from.read(LARGEST + 1)
    except OSError as error:
        raise Refused(
            f"{file} cannot be read: {error.strerror}.", remedy="Export anew, or take another day's."
        ) from None
    if len(content) > LARGEST:
        raise Refused(f"{file} is longer than a workflow is.")
    return content


def _json(content: bytes, file: Path) -> Json:
    try:
        told: Json = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(f"{file} holds no JSON.") from None
    return told


def _kept(one: Mapping[str, Json]) -> Kept:
    return Kept(
        file=reading.text(one.get("file"), 200), id=reading.identifier(one.get("id")),
        name=reading.text(one.get("name"), reading.LONGEST_NAME), was_active=one.get("was_active") is True,
        sha256=reading.text(one.get("sha256"), 64),
    )  # fmt: skip


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
