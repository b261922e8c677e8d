"""What became of a database that a migration tool worked on: told from looks before and after, not from exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.migration.system import MigrationTool
from tasks.model import CannotLook, Outcome, Row
from tasks.postgres.words import count
from tasks.program import Ran

LINES_KEPT = 40
CHANGES_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Look:
    """Where the database stands, and every object of its schema with its definition."""

    stands: str
    objects: Mapping[str, str]

    @classmethod
    def at(cls, migration: MigrationTool) -> Look:
        """Raises: CannotLook, Refused."""
        return cls(stands=migration.current_revision(), objects=migration.objects())

    def changes(self, later: Look) -> list[str]:
        """'+ column …', '- index …', '~ table …', by name."""
        added = [f"+ {name}" for name in later.objects if name not in self.objects]
        gone = [f"- {name}" for name in self.objects if name not in later.objects]
        both = [name for name in later.objects if name in self.objects]
        other = [f"~ {name}" for name in both if later.objects[name] != self.objects[name]]
        return sorted([*added, *gone, *other], key=lambda change: change[2:])


def ended_well(migration: MigrationTool, before: Look, goes: str, ran: Ran) -> Outcome:
    """The command says that it did it. Did it?"""
    now = Look.at(migration)
    if now.stands != goes:
        return failed(migration, before, goes, ran, "The command ended as if all were well.")
    changed = before.changes(now)
    told = f"{_objects(changed)}." if changed else "nothing in the schema changed: it moved data, or another database."
    return Outcome(
        says=f"{migration.database.address} stands at {goes} now, after {ran.seconds:.1f} s; {told}",
        complete=True,
        rows=_rows(now, changed, ran),
    )


def failed(migration: MigrationTool, before: Look, goes: str, ran: Ran, why: str) -> Outcome:
    """It did not do what it should: what is so now, as far as it can be seen."""
    try:
        now, working = Look.at(migration), migration.at_work()
    except CannotLook as error:
        says = f"{why} What became of the schema cannot be seen: {error.says}"
        return Outcome(says=says, complete=False, rows=_said(ran))
    changed = before.changes(now)
    return Outcome(
        says=f"{why} {_became(before.stands, goes, now.stands, changed)}{_still(working)}",
        complete=False,
        rows=_rows(now, changed, ran),
    )


def _rows(now: Look, changed: Sequence[str], ran: Ran) -> list[Row]:
    return [{"stands": now.stands}, *_shown(changed), *_said(ran)]


def _became(stood: str, goes: str, stands: str, changed: Sequence[str]) -> str:
    if stands == stood and not changed:
        return f"Nothing was changed: it stands at {stood} as before, and every object of the schema is as it was."
    if stands == stood:
        some = "; ".join(changed[:3]) + ("; …" if len(changed) > 3 else "")
        return f"Half done: it stands at {stood} as before, yet {_objects(changed)} ({some}). Mend that by hand first."
    if stands == goes:
        return f"It stands at {goes} nevertheless; {_objects(changed)}."
    return f"Part of the way: it stands at {stands}, on the way from {stood} to {goes}; {_objects(changed)}."


def _still(working: Sequence[Row]) -> str:
    if not working:
        return ""
    pids = ", ".join(str(row["pid"]) for row in working)
    return f" The server still works for it (pid {pids}): look again when that has ended."


def _objects(changed: Sequence[str]) -> str:
    return f"{count(len(changed), 'object').lower()} of the schema changed"


def _shown(changed: Sequence[str]) -> list[Row]:
    rows: list[Row] = [{"changed": one} for one in changed[:CHANGES_SHOWN]]
    if len(changed) > CHANGES_SHOWN:
        rows.append({"changed": f"and {len(changed) - CHANGES_SHOWN} more"})
    return rows


def _said(ran: Ran) -> list[Row]:
    return [{"said": line} for line in ran.lines[-LINES_KEPT:]]
