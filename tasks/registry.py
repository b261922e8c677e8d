"""Finds every system there is, ours and the team's, by importing its `system.py`: nothing else lists them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.toml import InvalidConfig

OURS = Path(__file__).parent


class Team(BaseModel):
    """Folders with a team's own runbooks and systems, relative to the configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runbooks: Path | None = None
    systems: Path | None = None


def register_systems(team: Team | None = None) -> None:
    """Import every `<name>/system.py` of ours and of the team's folder. Doing it again costs nothing.

    The team's folder joins the import path, so that its runbooks can say `from crm.checks import check_x`.

    Raises:
        InvalidConfig: the folder is missing, a name is taken, or a `system.py` cannot be imported.
    """
    for file in sorted(OURS.glob("*/system.py")):
        importlib.import_module(f"{OURS.name}.{file.parent.name}.system")
    if team is not None and team.systems is not None:
        _register_folder(team.systems)


def _register_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InvalidConfig(f"{folder}: no such folder. `team.systems` must name the folder with your systems.")
    importlib.invalidate_caches()
    systems = sorted(folder.glob("*/system.py"))
    for file in systems:
        _refuse_taken(file.parent)
    # At the end: a team's folder must never stand before Python's own modules.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for file in systems:
        _import(file)


def _refuse_taken(folder: Path) -> None:
    """A folder called `http` would be hidden by Python's own module, and its checks never found."""
    found = importlib.util.find_spec(folder.name)
    if found is None or folder in map(Path, found.submodule_search_locations or ()):
        return
    raise InvalidConfig(f"{folder}: Python already has a module {folder.name!r}. Rename the folder.")


def _import(file: Path) -> None:
    try:
        importlib.import_module(f"{file.parent.name}.system")
    except Exception as error:  # somebody else's code may raise anything: whatever it is, the person needs the file
        raise InvalidConfig(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error
