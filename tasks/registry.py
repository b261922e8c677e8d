"""Finds every system there is, ours and the team's, by importing its `system.py`: nothing else lists them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.defect import told
from tasks.system import System

OURS = Path(__file__).parent
SYSTEM = "system.py"


class Team(BaseModel):
    """Folders with a team's own runbooks and systems, relative to the configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runbooks: Path | None = None
    systems: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A system of the team that cannot be used, and why; without a `name` it is the folder of all."""

    name: str
    folder: Path
    says: str

    def declares(self, kind: str) -> bool:
        """Is `kind` what it would be, had it been imported?"""
        file = self.folder / SYSTEM
        written = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        return not self.name or kind.replace("-", "_") == self.name or f'"{kind}"' in written


def register_systems(team: Team | None = None) -> tuple[Broken, ...]:
    """Import every `<name>/system.py` of ours and of the team's folder; what of the team's cannot be used is returned.

    Doing it again costs nothing. The team's folder joins the import path, so that its runbooks can say
    `from crm.checks import check_x`.
    """
    for file in sorted(OURS.glob(f"*/{SYSTEM}")):
        importlib.import_module(f"{OURS.name}.{file.parent.name}.system")
    return tuple(_register_folder(team.systems)) if team is not None and team.systems is not None else ()


def _register_folder(folder: Path) -> Iterator[Broken]:
    if not folder.is_dir():
        says = f"{folder}: no such folder. `team.systems` must name the folder with your systems."
        yield Broken(name="", folder=folder, says=says)
        return
    importlib.invalidate_caches()
    # At the end: a team's folder must never stand before Python's own modules.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for file in sorted(folder.glob(f"*/{SYSTEM}")):
        if wrong := _taken(file.parent) or _import(file):
            yield Broken(name=file.parent.name, folder=file.parent, says=wrong)


def _taken(folder: Path) -> str:
    """A folder called `http` would be hidden by Python's own module, and its checks never found."""
    found = importlib.util.find_spec(folder.name)
    if found is None or folder in map(Path, found.submodule_search_locations or ()):
        return ""
    return f"{folder}: Python already has a module {folder.name!r}. Rename the folder."


def _import(file: Path) -> str:
    """Why it cannot be imported; empty if it can."""
    before = set(System.registry)
    try:
        importlib.import_module(f"{file.parent.name}.system")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything; the person needs the file
        # What it declared before it failed is no system; what it imported is.
        for kind in set(System.registry) - before:
            if System.registry[kind].__module__ not in sys.modules:
                del System.registry[kind]
        return f"{file}: cannot be imported: {told(error)}. Mend it; what does not use it works meanwhile."
    return ""
