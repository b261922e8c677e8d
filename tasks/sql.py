"""SQL in files of its own: how every folder `queries/` reads what lies in it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files


def reader(package: str) -> Callable[[str], str]:
    """What reads a question of the folder `package` by the name of its file."""
    folder = files(package)

    def read(name: str) -> str:
        return folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")

    return read
