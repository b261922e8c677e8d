"""Under which names a database is brought back, and how what we made is known again.

1. A backup is restored into `NAME_restored_N`, beside what there is.
2. The swap is two renames in one transaction: what there was becomes `NAME_lost_N`, and what was restored NAME.
3. A remark on the database says which backup it came from and how far it got. It moves along with the name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tasks.backup import shelf
from tasks.backup.queries import DATABASES
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.model import Row

NOTED = ".restoring.json"
BEGUN, EQUAL = "begun", "equal"
# A name of Postgres has 63 bytes, and ours are that much longer.
LONGEST_NAME = 63
_REMARK = re.compile(
    r"incident-pipelines: restored from (?P<backup>\S+) (?P<manifest>[0-9a-f]{64}) "
    r"as (?P<beside>.+), (?P<state>\w+)$"
)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What the remark on a database says of it; `beside` is what it was called when it was made."""

    backup: str
    manifest: str
    beside: str
    state: str

    @property
    def remark(self) -> str:
        return f"incident-pipelines: restored from {self.backup} {self.manifest} as {self.beside}, {self.state}"


@dataclass(frozen=True, kw_only=True)
class Places:
    """The names: of the database, of what is restored beside it, and of what there was; empty: there is none there.

    `half` tells how far an earlier restore of this backup into `beside` got; empty: there was none.
    """

    name: str
    beside: str
    lost: str
    half: str = ""


def there(backup: Backups) -> dict[str, Row]:
    """The databases of the server on which it is brought back.

    Raises:
        CannotLook, Refused: no answer, or nobody has said which server.
    """
    return {str(row["name"]): row for row in backup.home.rows(DATABASES)}


def read_remark(row: Row) -> Restored | None:
    """What we wrote on a database; None where it is none of ours."""
    found = _REMARK.search(str(row["remark"]))
    return Restored(**found.groupdict()) if found else None


def places_for(backup: Backups, one: Backup, databases: dict[str, Row]) -> Places:
    """The names for restoring `one`: those of a restore that was broken off, or the next that are free."""
    name = backup.source.place.database
    lost_of = databases.get(name)
    noted = _noted(backup)
    now = read_remark(lost_of) if lost_of else None
    # One that was restored before keeps its number, or the two could not be told apart.
    taken = [0, *(number for number, _ in _numbered(name, [now.beside] if now else []))]
    for number, other in _numbered(name, databases):
        ours = read_remark(databases[other])
        same = ours is not None and ours.manifest == one.sha256
        # Made by a run that was killed before it could remark on it: noted, and closed as we make them.
        begun = ours is None and noted == other and bool(databases[other]["closed"])
        if other == _named(name, "restored", number) and (same or begun):
            lost = _named(name, "lost", number) if lost_of else ""
            if lost not in databases:
                half = ours.state if ours else BEGUN
                return Places(name=name, beside=other, lost=lost, half=half)
        taken.append(number)
    number = max(taken) + 1
    lost = _named(name, "lost", number) if lost_of else ""
    return Places(name=name, beside=_named(name, "restored", number), lost=lost)


def note(backup: Backups, places: Places) -> None:
    """Write down what is about to be made, before it is: a killed run leaves a database without a remark."""
    shelf.write(backup.folder / NOTED, {"database": places.beside})


def forget(backup: Backups) -> None:
    """Nothing is half made any more."""
    (backup.folder / NOTED).unlink(missing_ok=True)


def _noted(backup: Backups) -> str:
    try:
        return str(json.loads((backup.folder / NOTED).read_bytes())["database"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _numbered(name: str, databases: Iterable[str]) -> Iterator[tuple[int, str]]:
    for other in databases:
        number = other.rpartition("_")[2]
        if number.isascii() and number.isdigit() and len(number) <= 4:
            for word in ("restored", "lost"):
                if other == _named(name, word, int(number)):
                    yield int(number), other


def _named(name: str, word: str, number: int) -> str:
    tail = f"_{word}_{number}"
    return name.encode()[: LONGEST_NAME - len(tail)].decode("utf-8", "ignore") + tail
