"""Bring a lost database back from its newest proven backup; swap back; fetch a backup from the bucket."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from tasks.action import Action
from tasks.amounts import size
from tasks.backup import shelf
from tasks.backup.recovery import roles
from tasks.backup.recovery.choice import chosen
from tasks.backup.recovery.places import read_remark, there
from tasks.backup.recovery.restoring import Recipe, build, recipe, rename, swap_back
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.words import count, span
from tasks.program import ProgramFailed, ProgramTookTooLong

TABLES_SHOWN = 200
NO_SENDERS_OFF = " Nothing in it keeps senders off (`senders_off`): stop them first, or its queue goes out once more."


class RestoreDatabase(Action):
    """Bring the database back from its newest proven backup.

    It is restored beside what there is, held against what was counted when it was backed up, table by table and row by
    row, and only then swapped in, by its name. Nothing is overwritten: what there was is kept under another name.
    Owners, grants, sequences and extensions come back with it; roles that the server lacks are made, without their
    passwords. A remark on the database itself does not. Until the swap nobody but a superuser gets in.
    """

    def plan(self, backup: Backups) -> Plan:
        one = chosen(backup)
        how = recipe(backup, one)
        takes = f", about {span(one.trial_s)} by its trial" if one.trial_s else ""
        kept = f"; what is there now is kept as {how.places.lost}" if how.places.lost else ""
        made = f" Makes {count(len(how.roles), 'role').lower()}, whose passwords are to be set." if how.roles else ""
        content = one.content
        return Plan(
            does=f"Restore {one.name} (as of {one.at:%Y-%m-%d %H:%M:%S} UTC, {content.rows:,} rows of "
            f"{count(len(content.tables), 'table')}) on {backup.home.address.rpartition('/')[0]} as "
            f"{how.places.name}{kept}. It takes {size(int(one.manifest['server']['bytes']))} there{takes}. What was "
            f"written after that moment, {_ago(one.at)}, is not in it.{made}"
            f"{'' if backup.senders_off else NO_SENDERS_OFF}",
            commands=_commands(backup, how),
            blast_radius=BlastRadius(touched=1, total=1, noun="databases"),
            risk=Risk.HIGH,
            loses="What was written after the backup's moment"
            + (f", except in {how.places.lost}, which nobody but a superuser enters." if how.places.lost else "."),
            evidence=_tables(one),
            language="sh",
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:
        with shelf.alone(backup.folder):
            one = _approved(backup, plan)
            how = recipe(backup, one)
            if _commands(backup, how) != plan.commands:
                raise Refused("What is there is not what was approved.", remedy="Plan it again.")
            try:
                wrong_rows = build(backup, how)
            except (ProgramFailed, ProgramTookTooLong) as error:
                last = f" It said: {error.ran.lines[-1]}" if error.ran.lines else ""
                return Outcome(
                    says=f"{error.says.partition(' It said')[0]}{last} What it had made is dropped, and "
                    f"{how.places.name} is as it was.",
                    complete=False,
                    rows=[{"said": line} for line in error.ran.lines[-20:]],
                )
            if wrong_rows:
                return Outcome(
                    says=f"{one.name} was restored and is not what was backed up, in {len(wrong_rows)} places. It was "
                    f"dropped again, and {how.places.name} is as it was.",
                    complete=False,
                    rows=wrong_rows,
                )
            rename(backup.home, [how.places.beside, *([how.places.name] if how.places.lost else [])], how.swap)
        return _done(backup, how)

    def applied(self, backup: Backups, plan: Plan) -> bool | None:
        row = there(backup).get(backup.source.place.database)
        ours = read_remark(row) if row else None
        if ours is None:
            return False
        return _is_of(plan, ours.backup, ours.manifest) and ours.beside == plan.commands[0].target["beside"]

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - the names are in the plan
        """What was there before can be swapped back in; what was restored is kept beside it."""
        return SwapBack(plan)


class SwapBack(Action):
    """Swap back what was there before a restore.

    Both stay: what was restored gets a name of its own again, and nobody but a superuser enters it.
    """

    undo = NoWayBack(loses="What was written since the restore stays in the database that is put aside.")

    def __init__(self, restored: Plan) -> None:
        target = restored.commands[0].target
        self.database, self.beside, self.lost = (str(target[key]) for key in ("database", "beside", "lost"))
        self.may_enter = int(str(target["may_enter"]))

    def plan(self, backup: Backups) -> Plan:
        databases = there(backup)
        if self.beside in databases:
            return Plan(
                does=f"Nothing to do: {self.beside} is put aside already.",
                commands=(),
                blast_radius=BlastRadius(touched=0, total=1, noun="databases"),
                risk=Risk.LOW,
                loses="Nothing.",
            )
        if self.database not in databases or (self.lost and self.lost not in databases):
            raise Refused(f"{self.database} or {self.lost} is gone: there is nothing to swap.")
        then = (
            f"{self.lost} becomes {self.database} again"
            if self.lost
            else f"there is no {self.database} then, as before"
        )
        return Plan(
            does=f"Put {self.database} aside as {self.beside}; {then}.",
            commands=tuple(
                Command(line=f"{line};", target={"database": self.database, "beside": self.beside, "step": step})
                for step, line in enumerate(self._statements, 1)
            ),
            blast_radius=BlastRadius(touched=1, total=1, noun="databases"),
            risk=Risk.HIGH,
            loses=self.undo.loses,
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:  # noqa: ARG002 - it has one way
        with shelf.alone(backup.folder):
            rename(backup.home, [self.database, *([self.lost] if self.lost else [])], self._statements)
        there_now = f"{self.lost} is {self.database} again" if self.lost else f"There is no {self.database}, as before"
        return Outcome(says=f"{there_now}; what was restored is {self.beside}.", complete=True)

    def applied(self, backup: Backups, plan: Plan) -> bool | None:  # noqa: ARG002
        databases = there(backup)
        return self.beside in databases and self.lost not in databases

    @property
    def _statements(self) -> list[str]:
        return swap_back(self.database, self.beside, self.lost, self.may_enter)


def _commands(backup: Backups, how: Recipe) -> tuple[Command, ...]:
    """Everything that is run, in this order. Each belongs to one backup, by its manifest."""
    places = how.places
    target: Row = {
        "backup": how.one.name,
        "manifest": how.one.sha256,
        "database": places.name,
        "beside": places.beside,
        "lost": places.lost,
        "may_enter": how.may_enter,
        "server": backup.home.address,
    }
    lines = [
        *(f"{line};" for line in (roles.statements(how.one, list(how.roles)))),
        f"{how.create};",
        shlex.join(how.restore),
        f"# compare with {how.one.place / shelf.MANIFEST}, SHA-256 {how.one.sha256}; where it differs, drop it again",
        *(f"{line};" for line in ("ANALYZE", *backup.senders_off, *how.belonging)),
        *(f"{line};" for line in ("BEGIN", *how.swap, "COMMIT")),
    ]
    return tuple(Command(line=line, target={**target, "step": step}) for step, line in enumerate(lines, 1))


def _approved(backup: Backups, plan: Plan) -> Backup:
    """The backup of the plan, still proven and still what was written."""
    one = next((one for one in backup.kept() if _is_of(plan, one.name, one.sha256)), None)
    if one is None:
        wrong = "it is not there any more"
    else:
        wrong = ", ".join(one.altered()) if one.proven_at else "it counts as proven no more"
    if one is None or wrong:
        raise Refused(f"The backup that was approved is no good: {wrong}.", remedy="Plan it again: another may be.")
    return one


def _is_of(plan: Plan, name: str, manifest: str) -> bool:
    target = plan.commands[0].target
    return (target["backup"], target["manifest"]) == (name, manifest)


def _done(backup: Backups, how: Recipe) -> Outcome:
    content = how.one.content
    off = f" {count(len(backup.senders_off), 'statement', 'keep')} senders off." if backup.senders_off else ""
    passwords = f" Set the passwords of {', '.join(how.roles[:5])}: a backup has none." if how.roles else ""
    kept = f" What was there is {how.places.lost}." if how.places.lost else ""
    return Outcome(
        says=f"{how.places.name} is back from {how.one.name}: {content.rows:,} rows of "
        f"{count(len(content.tables), 'table')}, equal to what was backed up, row by row and owner by owner. What was "
        f"written in the {_minutes(how.one.at)} after {how.one.at:%Y-%m-%d %H:%M:%S} UTC is not in it.{kept}{off}"
        f"{passwords} Before anything sends again: hold what was queued then against the provider's log.",
        complete=True,
        rows=_tables(how.one),
    )


def _tables(one: Backup) -> list[Row]:
    tables = sorted(one.content.tables.items())[:TABLES_SHOWN]
    return [{"table": name, "rows": int(rows)} for name, (rows, _) in tables]


def _minutes(at: datetime) -> str:
    minutes = max(0.0, (datetime.now(UTC) - at).total_seconds()) / 60
    return count(max(1, round(minutes)), "minute")


def _ago(at: datetime) -> str:
    return f"{_minutes(at)} ago"
