"""Let old rows go, in small transactions, exactly those that were counted: deleted, or moved to the archive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tasks import deadline
from tasks.action import Action
from tasks.amounts import size
from tasks.how_far import Progress, watched
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import Fate, along_from, amounts, fires, triggers, written_since
from tasks.postgres.session import Session
from tasks.postgres.words import count
from tasks.retention.batches import Batch, Due, command_of, due
from tasks.retention.queries import BATCH, BRING_BACK, IN_ARCHIVE, LEFT, MAKE_ARCHIVE, MOVE
from tasks.retention.rows import Old, begin, between, old_rows
from tasks.retention.system import Mode, Retention

# What becomes of rows that follow, in the words of the server's counters.
COUNTED = {Fate.DELETED: "deleted", Fate.CHANGED: "updated"}


class DeleteOldRows(Action):
    """Delete the rows that are older than their rule says.

    A few thousand at a time, each time in a transaction of its own, by their keys. A row that somebody holds is left
    for the next time. What a rule keeps is never touched, and rows of other tables go along only where a rule names
    them; if more would go than was counted, that batch is undone and nothing further is begun.
    """

    undo = NoWayBack(loses="The deleted rows, and the rows of other tables that the plan says go along with them.")
    narrows = True

    def plan(self, retention: Retention) -> Plan:
        return _plan(retention, Mode.DELETE, self.undo.loses)

    def apply(self, retention: Retention, plan: Plan) -> Outcome:
        return _take_all(retention, plan)

    def applied(self, retention: Retention, plan: Plan) -> bool | None:
        return _nothing_left(retention, plan)


class ArchiveOldRows(Action):
    """Move the rows that are older than their rule says to the archive.

    To a table of the same shape, each batch in one statement: a row is in one of the two at every moment. Otherwise as
    deleting does it.
    """

    narrows = True

    def plan(self, retention: Retention) -> Plan:
        return _plan(retention, Mode.ARCHIVE, "Nothing: the rows lie in the archive, where no question looks for them.")

    def apply(self, retention: Retention, plan: Plan) -> Outcome:
        return _take_all(retention, plan)

    def applied(self, retention: Retention, plan: Plan) -> bool | None:
        return _nothing_left(retention, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Move the archived rows back."""
        done = {str(row["batch"]): row["rows"] for row in outcome.rows if "batch" in row}
        return BringBack(
            [{**c.target, "rows": done.get(_name(c.target), c.target["rows"])} for c in plan.commands],
        )


class BringBack(Action):
    """Move archived rows back into their table.

    Only where the archive holds, from the first key of a batch to its last, exactly as many rows as were moved there.
    """

    undo = NoWayBack(loses="Nothing: the next clean-up moves them to the archive again.")
    narrows = True

    def __init__(self, moved: Sequence[Row]) -> None:
        """`moved` are the targets of the batches, with how many rows were moved."""
        self.moved = [row for row in moved if row["rows"]]

    def plan(self, retention: Retention) -> Plan:
        commands, others = [], 0
        with retention.database.asked_as_actor() as session:
            for target in self.moved:
                old = old_rows(session, retention, retention.rule(str(target["rule"])), writes=True)
                if _in_archive(session, old, target) == target["rows"]:
                    commands.append(_back(old, target))
                else:
                    others += 1
        rows = sum(int(str(c.target["rows"])) for c in commands)
        stay = f" {count(others, 'step')} left: the archive holds other rows between their keys." if others else ""
        return Plan(
            does=f"Move {count(rows, 'row')} back from the archive on {retention.database.address}.{stay}",
            commands=tuple(commands),
            blast_radius=BlastRadius(touched=rows, total=rows, noun="archived rows"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
        )

    def apply(self, retention: Retention, plan: Plan) -> Outcome:
        rows = 0
        for command in plan.commands:
            with _writing(retention) as work:
                old = old_rows(work, retention, retention.rule(str(command.target["rule"])), writes=True)
                moved: Any = work.run(old.filled(BRING_BACK), **_between(command.target))[0]
                if not moved["gone"] == moved["back"] == command.target["rows"]:
                    raise Refused(f"{old.archive} holds other rows by now. Nothing of this batch was moved.")
                rows += int(moved["back"])
        return Outcome(says=f"{count(rows, 'row')} moved back.", complete=True)

    def applied(self, retention: Retention, plan: Plan) -> bool | None:
        with retention.database.asked_as_actor() as session:
            return not any(
                _in_archive(session, old_rows(session, retention, retention.rule(str(t["rule"])), writes=True), t)
                for t in (command.target for command in plan.commands)
            )


def _plan(retention: Retention, mode: Mode, loses: str) -> Plan:
    with retention.database.asked_as_actor() as session:
        found = due(session, retention, mode)
    rows, verb = sum(one.rows for one in found), "Delete" if mode is Mode.DELETE else "Archive"
    total = sum(max(int(one.old.found["estimated"]), one.rows) for one in found)
    if found:
        retention.database.refuse_pooled_actor()
    return Plan(
        does=" ".join(_does(verb, retention, one) for one in found)
        if found
        else f"Nothing to {verb.lower()}: no rule has old rows on {retention.database.address}.",
        commands=tuple(command for one in found for command in one.commands),
        blast_radius=BlastRadius(touched=rows, total=total, noun="rows"),
        risk=max((_risk(one) for one in found), default=Risk.LOW),
        loses=loses,
        evidence=[{"rule": one.old.rule.name, "rows": one.rows, "bytes": one.bytes} for one in found],
    )


def _does(verb: str, retention: Retention, one: Due) -> str:
    rule = one.old.rule
    along = f" Along go: {amounts(one.along)}." if one.along else ""
    first = " The rest goes another time." if one.rows == rule.most_rows else ""
    typed = (
        f" No row has {', '.join(map(repr, one.unusual))}, which the rule keeps: is it spelt so?" if one.unusual else ""
    )
    where = f"from {one.old.ident} on {retention.database.address}"
    return (
        f"{verb} {count(one.rows, 'row')} ({size(one.bytes)}) {where} in {count(len(one.batches), 'step')}: "
        f"{one.old.says()}.{along}{first}{typed} {fires(one.fires)}".strip()
    )


def _risk(one: Due) -> Risk:
    """A rule's usual amount was agreed on when it was written; all else is for a person."""
    if one.along or one.fires or one.unusual:
        return Risk.HIGH
    if one.rows <= one.old.rule.unasked_rows:
        return Risk.LOW
    return Risk.HIGH if one.old.rule.mode is Mode.DELETE else Risk.MODERATE


def _take_all(retention: Retention, plan: Plan) -> Outcome:
    rows: list[Row] = []
    left: list[Row] = []

    def where() -> Progress:
        share = len(rows) / len(plan.commands)
        return Progress(says=f"{len(rows)} of {len(plan.commands)} batches done.", share=share)

    with watched(where):
        for command in plan.commands:
            if deadline.is_over():
                left.append(command.target)
                continue
            if rows:
                time.sleep(retention.pause_s)
            rows.append({"batch": _name(command.target), "rows": _take(retention, command)})
    gone = sum(int(str(row["rows"])) for row in rows)
    held = sum(int(str(c.target["rows"])) for c in plan.commands if c.target not in left) - gone
    rest = f" {held:,} were in use or gone already; what is left goes another time." if held else ""
    rest += f" {count(len(left), 'step')} left for the next time." if left else ""
    return Outcome(
        says=f"{count(gone, 'row')} of {plan.blast_radius.touched:,} gone.{rest}",
        complete=not left and (not held or _nothing_left(retention, plan) is True),
        rows=rows,
        not_done=left,
    )


def _take(retention: Retention, command: Command) -> int:
    """One batch, all of it or nothing: how many rows went.

    Raises:
        Refused: more would go than was counted, here or in another table; nothing of this batch did.
    """
    target: Any = command.target
    with _writing(retention) as work:
        old = old_rows(work, retention, retention.rule(target["rule"]), writes=True, before=target["before"])
        _refuse_other_rule(old, command)
        before = written_since(work)
        parameters = {**old.parameters, **_between(target)}
        if old.rule.mode is Mode.ARCHIVE:
            if old.found["archive_oid"] is None:
                work.run(old.filled(MAKE_ARCHIVE))
                before = written_since(work)
            moved: Any = work.run(old.filled(MOVE), **parameters)[0]
            gone = int(moved["gone"])
            if moved["kept"] != gone:
                raise Refused(f"{gone} rows went and {moved['kept']} were archived. Nothing of this batch was done.")
        else:
            gone = int(str(work.run(old.filled(BATCH), **parameters)[0]["gone"]))
        _refuse_more(work, old, target, gone, written_since(work, before))
    return gone


def _refuse_other_rule(old: Old, command: Command) -> None:
    target: Any = command.target
    along = along_from(target.get("along", []))
    batch = Batch(first=target["first"], last=target["last"], rows=target["rows"], bytes=0, along=along)
    if command_of(old, batch) != command:
        raise Refused(f"The rule for {old.rule.name} is not what was approved.", remedy="Plan it again.")


def _refuse_more(work: Session, old: Old, target: Any, gone: int, written: Counter[tuple[str, str]]) -> None:
    if gone > target["rows"]:
        raise Refused(
            f"{old.ident}: {target['rows']:,} rows were counted, and {gone:,} would go by now. Nothing of this batch "
            "was done.",
            remedy="Plan it again.",
        )
    meant = Counter({(str(old.found["counted_as"]), "deleted"): gone, (old.archive, "inserted"): gone})
    along = Counter[tuple[str, str]]()
    for (table, fate), rows in along_from(target.get("along", [])).items():
        along[table, COUNTED[fate]] += rows
    beyond = written - meant - along
    # What triggers write was told to be unknown, and approved by a person as that.
    if beyond and not _fires(work, old, along):
        told = ", ".join(f"{rows:,} of {table} {what}" for (table, what), rows in sorted(beyond.items()))
        raise Refused(
            f"More would go than was counted: {told}. Nothing of this batch was done.", remedy="Plan it again."
        )


def _fires(work: Session, old: Old, along: Counter[tuple[str, str]]) -> bool:
    others = [(table, what.removesuffix("d")) for table, what in along]
    return any(triggers(work, table, event) for table, event in [(old.ident, "delete"), *others])


def _nothing_left(retention: Retention, plan: Plan) -> bool:
    with retention.database.asked_as_actor() as session:
        begin(session)
        for target in (command.target for command in plan.commands):
            rule, before = retention.rule(str(target["rule"])), str(target["before"])
            old = old_rows(session, retention, rule, writes=True, before=before)
            if session.run(old.filled(LEFT), **old.parameters, **_between(target))[0]["rows"]:
                return False
    return True


@contextmanager
def _writing(retention: Retention) -> Iterator[Session]:
    """A transaction that waits for nobody longer than the rules say."""
    with retention.database.transaction() as work:
        work.run("SELECT set_config('lock_timeout', %(limit)s, true)", limit=f"{round(1000 * retention.lock_s)}ms")
        begin(work)
        yield work


def _in_archive(session: Session, old: Old, target: Row) -> int:
    if old.found["archive_oid"] is None:
        return 0
    return int(str(session.run(old.filled(IN_ARCHIVE), **_between(target))[0]["rows"]))


def _back(old: Old, target: Row) -> Command:
    keys: Any = target
    between_keys = f"({', '.join(keys['first'])}) and ({', '.join(keys['last'])})"
    return Command(line=f"MOVE FROM {old.archive} TO {old.ident} between {between_keys};", target=target)


def _between(target: Row) -> dict[str, object]:
    keys: Any = target
    return between(keys["first"], keys["last"])


def _name(target: Row) -> str:
    keys: Any = target
    return f"{keys['rule']}: {', '.join(keys['first'])}"
