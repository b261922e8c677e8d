"""Bring a database's schema to the newest migration, and back: by the team's own commands, under a lock timeout."""

from __future__ import annotations

import dataclasses
import re
import shlex
import time
from collections.abc import Sequence

from tasks.action import Action
from tasks.migration.outcome import Look, ended_well, failed
from tasks.migration.system import REVISION, MigrationTool
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk
from tasks.program import ProgramFailed, ProgramTookTooLong, Ran

# Thrice within half a minute outlasts most transactions; what holds a lock longer is for a person to look at.
TRIES = 3
PAUSE_S = 5.0
# How Postgres and its drivers word SQLSTATE 55P03.
_LOCKED = re.compile(r"due to lock timeout|lock_not_available|LockNotAvailable|55P03")

LOSES = "The migrations decide: a dropped column is gone with its values, and back brings it empty. Read them first."
BACK_LOSES = "What the migrations added, with everything that was written there since."


class ApplyMigrations(Action):
    """Apply the pending migrations.

    By the team's own command, with a lock timeout: where it does not get a lock soon it gives up, and tries again
    three times in all, because every session that comes after it would wait behind it. What it prints is recorded;
    what it changed is told by comparing the schema before and after.
    """

    def plan(self, migration: MigrationTool) -> Plan:
        stands, newest = migration.current_revision(), migration.newest_revision()
        plan = _plan(migration, migration.apply, stands, newest, LOSES)
        if not plan.commands:
            return plan
        return dataclasses.replace(plan, evidence=[{"pending": line} for line in migration.listed()])

    def apply(self, migration: MigrationTool, plan: Plan) -> Outcome:
        return _go(migration, plan, migration.apply)

    def applied(self, migration: MigrationTool, plan: Plan) -> bool | None:
        return migration.current_revision() == plan.commands[0].target["to"]

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Migrate back to where it stood, by the team's own command."""
        target = plan.commands[0].target
        # It may have come part of the way only, and that is no sign of somebody else's work.
        stood = [str(row["stands"]) for row in outcome.rows if "stands" in row]
        return MigrateBack(to=str(target["from"]), left=stood[-1] if stood else str(target["to"]))


class MigrateBack(Action):
    """Migrate back to where the database stood.

    By the team's own command, under the same lock timeout. A migration back drops what the migration added, and what
    was written there since.
    """

    def __init__(self, to: str, left: str) -> None:
        """`to` is where it stood, `left` where it stood when we had done with it."""
        self.to = to
        self.left = left

    def plan(self, migration: MigrationTool) -> Plan:
        if not migration.back:
            raise Refused(
                "No command is configured that migrates back.",
                remedy='back = ["alembic", "downgrade", "{revision}"]  # or restore the backup',
            )
        stands = migration.current_revision()
        plan = _plan(migration, migration.back, stands, self.to, BACK_LOSES)
        if stands in (self.to, self.left):
            return plan
        told = f"{stands} is neither {self.to} nor {self.left}: look first whether somebody else migrated."
        return dataclasses.replace(plan, does=f"{plan.does} {told}")

    def apply(self, migration: MigrationTool, plan: Plan) -> Outcome:
        return _go(migration, plan, migration.back)

    def applied(self, migration: MigrationTool, plan: Plan) -> bool | None:
        return migration.current_revision() == plan.commands[0].target["to"]

    def undo(self, *_: object) -> Action:
        """Apply the migrations again: the newest one is the same whatever was taken back."""
        return ApplyMigrations()


def _plan(migration: MigrationTool, argv: Sequence[str], stands: str, goes: str, loses: str) -> Plan:
    place = migration.database.address
    here = stands == goes
    if not here:
        migration.refuse_unlimited()
    command = Command(line=shlex.join(_words(argv, goes)), target={"from": stands, "to": goes})
    return Plan(
        does=f"Nothing to do: {place} stands at {stands}." if here else f"Migrate {place} from {stands} to {goes}.",
        commands=() if here else (command,),
        blast_radius=BlastRadius(touched=0 if here else 1, total=1, noun="databases"),
        risk=Risk.HIGH,
        loses=loses,
        language="sh",
    )


def _go(migration: MigrationTool, plan: Plan, argv: Sequence[str]) -> Outcome:
    """Told, not raised: what failed is never run again by itself, except where only a lock did not come.

    Raises:
        Refused: somebody migrated since the approval; nothing is run.
        CannotLook: it cannot be seen where the database stands.
    """
    target = plan.commands[0].target
    goes = str(target["to"])
    before = Look.at(migration)
    if before.stands != target["from"]:
        place = migration.database.address
        raise Refused(
            f"{place} stands at {before.stands}, and not at {target['from']} as when it was approved.",
            remedy="Plan it again.",
        )
    for attempt in range(1, TRIES + 1):
        try:
            ran = migration.migrate(_words(argv, goes))
        except ProgramFailed as error:
            if not _locked_out(error.ran):
                return failed(migration, before, goes, error.ran, _without_lines(error))
            if attempt == TRIES or before != Look.at(migration):
                return failed(migration, before, goes, error.ran, _gave_up(migration, attempt))
            time.sleep(PAUSE_S)
        except ProgramTookTooLong as error:
            return failed(migration, before, goes, error.ran, _without_lines(error))
        else:
            return ended_well(migration, before, goes, ran)
    raise AssertionError("the last attempt returns")


def _words(argv: Sequence[str], goes: str) -> list[str]:
    return [goes if word == REVISION else word for word in argv]


def _locked_out(ran: Ran) -> bool:
    return any(_LOCKED.search(line) for line in ran.lines)


def _gave_up(migration: MigrationTool, attempts: int) -> str:
    times = f", {attempts} times" if attempts > 1 else ""
    return (
        f"It did not get a lock within {migration.lock_timeout_s:g} s{times}, and gave up so that nobody waits behind "
        "it; database/blocked-sessions shows who holds it."
    )


def _without_lines(error: ProgramFailed | ProgramTookTooLong) -> str:
    """The sentence; what the program printed is in the outcome's rows."""
    return error.says.partition(" It said")[0]
