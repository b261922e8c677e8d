"""A report that somebody else's program wrote into a file: whole, not too large, and not too old."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from tasks.amounts import stretch
from tasks.logs.generations import opened
from tasks.model import CannotLook

LARGEST = 64 * 2**20
# What is looked for becomes known, and is committed, every day.
OLDEST_S = 7 * 86_400.0


def _whole(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path: what runs this may be started anywhere")
    return path


WholePath = Annotated[Path, AfterValidator(_whole)]


def read(file: Path) -> tuple[str, float]:
    """What it says, and for how many seconds it has been lying there.

    Raises:
        CannotLook, Refused: it is not there, may not be read, is empty or too large.
    """
    with opened(file) as (opened_file, about):
        content = opened_file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise CannotLook(f"{file} is larger than {LARGEST:,} bytes.")
    if not content.strip():
        raise CannotLook(
            f"{file} is empty: whatever was to write it has failed.",
            remedy="Write into another file, and rename it once its program has ended well.",
        )
    return content.decode("utf-8", "replace"), max(0.0, time.time() - about.changed_s)


def too_old(age_s: float, oldest_s: float) -> str:
    """Why it counts no more; empty where it does."""
    if age_s <= oldest_s:
        return ""
    return f"The report is {stretch(age_s)} old; from {stretch(oldest_s)} on it says nothing about today."
