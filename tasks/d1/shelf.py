"""Where backups of a D1 database lie: a file of SQL a day, and beside it what it held and its SHA-256.

The second is written last: a file without it is none that was restored and compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from tasks.model import Refused
from tasks.web.reading import number, table, text


def file_of(folder: Path, day: date) -> Path:
    """Where that day's backup lies, or would."""
    return folder / f"d1-{day.isoformat()}.sql"


def days(folder: Path) -> list[date]:
    """The days of which there is a backup that was proven, newest first."""
    found = []
    for proof in folder.glob("d1-*.json"):
        try:
            day = date.fromisoformat(proof.stem.removeprefix("d1-"))
        except ValueError:
            continue
        if file_of(folder, day).is_file():
            found.append(day)
    return sorted(found, reverse=True)


def put(folder: Path, day: date, sql: bytes, tables: Mapping[str, float]) -> None:
    """Keep it, and what it held when it was restored."""
    file = file_of(folder, day)
    _write(file, sql)
    told = {"sha256": hashlib.sha256(sql).hexdigest(), "tables": dict(tables)}
    _write(file.with_suffix(".json"), json.dumps(told).encode())


def put_aside(folder: Path, day: date, sql: bytes) -> Path:
    """Keep it for whoever looks into what is wrong with it; the day's file."""
    aside = file_of(folder, day).with_suffix(".no-backup")
    _write(aside, sql)
    return aside


def look(folder: Path, day: date) -> dict[str, float]:
    """The rows of each table in that day's backup, which is as it was written.

    Raises:
        Refused: it is not.
    """
    file = file_of(folder, day)
    try:
        told = table(json.loads(file.with_suffix(".json").read_text(encoding="utf-8")))
        with file.open("rb") as whole:
            sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise Refused(f"{file} cannot be read: {type(error).__name__}.") from None
    if sha256 != text(told.get("sha256")):
        raise Refused(f"{file} is not as it was written.")
    return {name: number(rows) or 0.0 for name, rows in table(told.get("tables")).items()}


def _write(file: Path, content: bytes) -> None:
    """In one step, and for nobody else to read."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_bytes(content)
    new.replace(file)
