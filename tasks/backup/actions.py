"""Make a backup that is one, copy it elsewhere, and let the old ones go."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tasks import deadline
from tasks.action import Action
from tasks.amounts import size
from tasks.backup import shelf
from tasks.backup.checks import BACKUP_AGE, bytes_needed, copied, free_bytes, newest_good, shown
from tasks.backup.content import about, tables_of
from tasks.backup.dump import dump, dump_command, globals_command
from tasks.backup.programs import Programs
from tasks.backup.queries import MAY_RESTORE
from tasks.backup.retention import old
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.backup.trial import PREFIX, prove
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.words import count
from tasks.program import ProgramFailed, ProgramTookTooLong, Ran

# In a plan, for what only the doing will tell.
MOMENT, SNAPSHOT = "<database>-<moment>", "<snapshot>"
# More than a daily rule lets go in a week is not its usual work: a person looks first.
MOST_UNASKED = 7


class MakeBackup(Action):
    """Make a backup and prove it by restoring it.

    Reads only, all as of one moment: every table is counted and hashed, and pg_dump writes what was read. The backup is
    then restored into a database made for it on the scratch server, held against what was counted, table by table, row
    by row, owner by owner, and that database is dropped. What differs is set apart and never counts. Readers and
    writers go on; the database is read twice, and dead rows are kept for as long as that takes.
    """

    undo = NoWayBack(loses="Nothing: the database is only read. A backup too many goes by the rules for old ones.")

    def plan(self, backup: Backups, age: Threshold = BACKUP_AGE) -> Plan:
        kept = backup.kept()
        good, spoiled = newest_good(kept)
        if good and not spoiled and not age.judge((deadline.now() - good.at).total_seconds()):
            return _nothing(f"Nothing to do: {good.name} is proven and recent.")
        with backup.source.snapshot() as moment:
            what, tables = about(moment), tables_of(moment)
        programs = backup.programs(what.version)
        needed, free = bytes_needed(backup), free_bytes(backup)
        if needed > free:
            raise Refused(
                f"The next backup takes about {size(needed)}, and {size(free)} are free in {backup.folder}.",
                remedy="Make room there, or let old backups go first.",
            )
        return Plan(
            does=f"Back up {backup.address} ({size(what.bytes)}, {count(len(tables), 'table')}) to {backup.folder}, "
            f"about {size(needed)} of {size(free)} free there, restore it on {backup.scratch.address} and compare.",
            commands=_making(backup, programs, kept[0].at.isoformat() if kept else ""),
            blast_radius=BlastRadius(touched=len(tables), total=len(tables), noun="tables, read only"),
            risk=Risk.LOW,
            loses="Nothing. The backup holds all of the data: whoever can read the folder has it.",
            evidence=[shown(one) for one in kept[:5]],
            language="sh",
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:
        newest = str(plan.commands[0].target["newest"])
        programs = backup.programs(int(str(backup.source.rows(MAY_RESTORE)[0]["version"])))
        if _making(backup, programs, newest) != plan.commands:
            raise Refused("The configuration is not what was approved.", remedy="Plan it again.")
        with shelf.alone(backup.folder):
            try:
                # What a killed run wrote to its end is not written again.
                made = _since(backup, plan)
                one = made[0] if made else dump(backup)
                wrong = prove(backup, one)
            except (ProgramFailed, ProgramTookTooLong) as error:
                return _failed(error.says.partition(" It said")[0], error.ran)
        if wrong:
            return Outcome(
                says=f"{one.name} was restored, and is not what was backed up: {_first(wrong)}. It is set apart as "
                f"{one.name}{shelf.DIFFERS} and does not count.",
                complete=False,
                rows=wrong,
            )
        rows = f"{one.content.rows:,} rows of {count(len(one.content.tables), 'table')}"
        return Outcome(
            says=f"{one.name}: {size(one.bytes)}, {rows}, written in {one.manifest['took_s']:,.0f} s; restored on "
            f"{backup.scratch.address} and equal, row by row and owner by owner. The manifest's SHA-256 is "
            f"{one.sha256}.",
            complete=True,
            rows=[{"file": str(file), "bytes": file.stat().st_size} for file in one.files],
        )

    def applied(self, backup: Backups, plan: Plan) -> bool | None:
        return any(one.proven_at for one in _since(backup, plan))


class CopyBackups(Action):
    """Copy proven backups to the bucket.

    Each file is read back from there to the end and compared. Nothing there is replaced or removed: how long copies are
    kept is a rule of the bucket's own.
    """

    undo = NoWayBack(loses="Nothing. The copies stay in the bucket until its own rules remove them.")
    narrows = True

    def plan(self, backup: Backups) -> Plan:
        bucket = backup.bucket
        if bucket is None:
            return _nothing("Nothing to copy: no bucket is configured.")
        proven = [one for one in backup.kept() if one.proven_at]
        lacking = [one for one in proven if not copied(backup, one)]
        total = size(sum(one.bytes for one in lacking))
        return Plan(
            does=f"Copy {count(len(lacking), 'backup')} ({total}) to {bucket.url} and read each back."
            if lacking
            else f"Nothing to copy: every proven backup is in {bucket.url}.",
            commands=tuple(
                Command(
                    line=f"aws s3 cp --recursive {one.place} {bucket.url}/{one.name}",
                    target={"backup": one.name, "bucket": bucket.url},
                )
                for one in lacking
            ),
            blast_radius=BlastRadius(touched=len(lacking), total=len(proven), noun="proven backups"),
            risk=Risk.LOW,
            loses="Nothing. Whoever may read the bucket has the data.",
            language="sh",
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:
        bucket = backup.bucket
        if bucket is None or any(command.target["bucket"] != bucket.url for command in plan.commands):
            raise Refused("The configured bucket is not the one that was approved.", remedy="Plan it again.")
        there = {one.name: one for one in backup.kept() if one.proven_at}
        rows: list[Row] = []
        left: list[Row] = []
        for command in plan.commands:
            one = there.get(str(command.target["backup"]))
            if one is None or deadline.is_over():
                left.append(command.target)
                continue
            if wrong := one.altered():
                raise Refused(f"{one.name} is not copied: {', '.join(wrong)}.", remedy="Make a new backup.")
            for file in one.files:
                bucket.put(file, f"{one.name}/{file.name}", shelf.hash_of(file))
                rows.append({"object": f"{bucket.url}/{one.name}/{file.name}", "bytes": file.stat().st_size})
        done = len(plan.commands) - len(left)
        rest = f" {len(left)} left for the next time." if left else ""
        return Outcome(
            says=f"{count(done, 'backup')} copied to {bucket.url}; each file was read back and is the same.{rest}",
            complete=not left,
            rows=rows,
            not_done=left,
        )

    def applied(self, backup: Backups, plan: Plan) -> bool | None:
        there = {one.name: one for one in backup.kept()}
        meant = [there[name] for command in plan.commands if (name := str(command.target["backup"])) in there]
        return all(copied(backup, one) for one in meant)


class RemoveOldBackups(Action):
    """Remove the backups that nobody needs any more.

    Kept are the newest of so many days, weeks and months that have one. The newest proven backup is read to its end
    first: unless it is what was written, nothing is removed. Those that differ stay for whoever looks why.
    """

    undo = NoWayBack(loses="The removed backups, and with them the days between those that are kept.")
    narrows = True

    def plan(self, backup: Backups) -> Plan:
        going, kept = old(backup), backup.kept()
        total = size(sum(one.bytes for one in going))
        return Plan(
            does=f"Remove {count(len(going), 'backup')} ({total}) of {len(kept)} from {backup.folder}. Kept are those "
            f"of {backup.keep_daily} days, {backup.keep_weekly} weeks and {backup.keep_monthly} months."
            if going
            else f"Nothing to remove: all {len(kept)} backups in {backup.folder} are needed.",
            commands=tuple(_removal(one) for one in going),
            blast_radius=BlastRadius(touched=len(going), total=len(kept), noun="backups"),
            risk=Risk.LOW if len(going) <= MOST_UNASKED else Risk.HIGH,
            loses=self.undo.loses,
            evidence=[shown(one) for one in going],
            language="sh",
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:
        with shelf.alone(backup.folder):
            kept = backup.kept()
            newest = next((one for one in kept if one.proven_at), None)
            if newest is None or (wrong := newest.altered()):
                why = f"{newest.name}: {', '.join(wrong)}" if newest else "there is none"
                raise Refused(
                    f"Nothing is removed: the newest proven backup is no good ({why}), and an old one may be the last.",
                    remedy="Make a new backup first.",
                )
            # Asked again, now that nobody else is at it: what is needed by now stays, whatever was approved.
            may_go = {(one.name, one.sha256): one.place for one in old(backup)}
            going = [c for c in plan.commands if (c.target["backup"], c.target["manifest"]) in may_go]
            for command in going:
                shelf.remove(may_go[str(command.target["backup"]), str(command.target["manifest"])])
        there = {one.name for one in kept}
        left = [c.target for c in plan.commands if c not in going and c.target["backup"] in there]
        stay = f" {len(left)} stayed, because they are needed by now." if left else ""
        return Outcome(
            says=f"{count(len(going), 'backup')} removed from {backup.folder}.{stay}",
            complete=True,
            rows=[command.target for command in going],
            not_done=left,
        )

    def applied(self, backup: Backups, plan: Plan) -> bool | None:
        there = {one.name for one in backup.kept()}
        return not any(command.target["backup"] in there for command in plan.commands)


def _removal(one: Backup) -> Command:
    line = f"rm -r {shlex.quote(str(one.place))}"
    return Command(line=line, target={"backup": one.name, "manifest": one.sha256})


def _nothing(says: str) -> Plan:
    return Plan(
        does=says,
        commands=(),
        blast_radius=BlastRadius(touched=0, total=0, noun="backups"),
        risk=Risk.LOW,
        loses="Nothing.",
    )


def _since(backup: Backups, plan: Plan) -> list[Backup]:
    """What was made since the plan and does not differ, the newest first."""
    newest = str(plan.commands[0].target["newest"])
    return [one for one in backup.kept() if one.at.isoformat() > newest and not one.differs]


def _making(backup: Backups, programs: Programs, newest: str) -> tuple[Command, ...]:
    """What is run, in this order; `newest` is when the newest one before was made, by which the new one is known."""
    place = f"{backup.folder}/{MOMENT}"
    lines = (
        shlex.join(dump_command(programs, place, SNAPSHOT)),
        shlex.join(globals_command(programs, place, backup.source.place.database)),
        f"{shlex.quote(programs.path('pg_restore'))} --exit-on-error --dbname={PREFIX}…  # on "
        f"{backup.scratch.address}: made for it, compared, dropped",
    )
    return tuple(
        Command(line=line, target={"source": backup.address, "newest": newest, "step": n})
        for n, line in enumerate(lines, 1)
    )


def _failed(says: str, ran: Ran) -> Outcome:
    """Told, not raised: what failed after an hour is not begun again by itself."""
    last = f" It said: {ran.lines[-1]}" if ran.lines else ""
    return Outcome(
        says=f"{says}{last} Nothing of it counts as a backup, and those before are untouched.",
        complete=False,
        rows=[{"said": line} for line in ran.lines[-20:]],
    )


def _first(wrong: Sequence[Row]) -> str:
    said = [f"{row['of']} ({row['what']})" for row in wrong]
    return "; ".join(said[:3]) + ("; …" if said[3:] else "")
