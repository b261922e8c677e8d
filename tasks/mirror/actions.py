"""Ways to make two stores agree again: one record, or all that differ, always after the source of truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import cast

from tasks.action import Action
from tasks.mirror.ahead import Ahead, seen_ahead, staying
from tasks.mirror.changes import Change, Verb, changes_for, target_of
from tasks.mirror.compare import Drift, drift_of
from tasks.mirror.fit import unfit
from tasks.mirror.shape import Key, Pair, pair_of
from tasks.mirror.side_by_side import fields, named, side_by_side, whole_rows
from tasks.mirror.stores import MOST_ROWS, Side, Store, Table
from tasks.mirror.system import Mirror
from tasks.mirror.write import refuse_unwritable, standing, write
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import along_as_json, along_from, along_rows, amounts, besides
from tasks.postgres.words import count

# The record is kept for ever and cannot be changed, so whole rows of customers must not get into it. An undo would need
# exactly those: the old values of every row. What is lost is a deviation of the store that is declared to be a copy.
WAY_BACK = NoWayBack(
    loses="What the overwritten and deleted rows held in the store that follows, and rows of other tables that go with "
    "them. The first are shown with the plan, field by field; dump the tables first if you doubt which store is right."
)
# A single record is to show whether the source of truth is right: best one that both stores have.
GENTLEST_FIRST = (Verb.UPDATE, Verb.INSERT, Verb.DELETE)
# For one record, so many are looked at until one is found that can be changed.
TRIED = 20
# Rows shown field by field before approval.
PREVIEWED = 20


@dataclass(frozen=True, kw_only=True)
class Due:
    """What has to be done to one table, and what was seen of it."""

    drift: Drift
    changes: tuple[Change, ...]
    records: Mapping[Key, list[Row]]
    ahead: Ahead

    @property
    def table(self) -> Table:
        return self.drift.pair.table

    @property
    def evidence(self) -> list[Row]:
        """The first records field by field, then what fires."""
        lines = [line for change in self.changes[:PREVIEWED] for line in self.records[change.key]]
        return [*lines, *self.ahead.evidence(self.table.title, self.drift.pair.shape(target_of(self.table)).store)]


class SyncOneRecord(Action):
    """Copy one record from the source of truth.

    The first that differs, best one that both stores have: to see whether the source of truth is right before more
    follow. Only the row shown is changed, and only if both stores still hold what was seen.
    """

    undo = WAY_BACK

    def plan(self, mirror: Mirror) -> Plan:
        return plan_rows(mirror, Risk.LOW, only_one=True)

    def apply(self, mirror: Mirror, plan: Plan) -> Outcome:
        return _apply(mirror, plan)

    def applied(self, mirror: Mirror, plan: Plan) -> bool | None:
        return _applied(mirror, plan)


class SyncDriftedRows(Action):
    """Copy the records that differ from the source of truth.

    Inserted, updated and deleted in the store that follows, in one transaction a table. Each row is changed only if
    both stores still hold what was seen; whatever changed meanwhile is left alone. Rows of other tables that go or
    change along over foreign keys are counted, and no more go than were approved; triggers that fire are named. Readers
    and writers go on. More rows than `max_rows` of a table are refused. Columns that are ignored keep their values; new
    rows get their defaults.
    """

    undo = WAY_BACK
    narrows = True

    def plan(self, mirror: Mirror) -> Plan:
        return plan_rows(mirror, Risk.MODERATE)

    def apply(self, mirror: Mirror, plan: Plan) -> Outcome:
        return _apply(mirror, plan)

    def applied(self, mirror: Mirror, plan: Plan) -> bool | None:
        return _applied(mirror, plan)


def plan_rows(mirror: Mirror, risk: Risk, *, only_one: bool = False) -> Plan:
    """A command for each row that has to change.

    Raises:
        Refused: more than `max_rows`, a source of truth that is empty, or a store that would not let us.
        CannotLook: no answer.
    """
    due: list[Due] = []
    left: list[str] = []
    for table in mirror.tables:
        drift = _drift(mirror, table)
        if drift.agrees or (only_one and due):
            continue
        if table.source_of_truth is Side.NONE:
            left.append(f"{table.title} is left alone: it has no source of truth.")
            continue
        left += _ambiguous(drift)
        if drift.total > len(drift.ambiguous) or not drift.complete:
            coming = {one.drift.pair.shape(target_of(one.table)).relation for one in due}
            due.append(_due(mirror, drift, coming, only_one=only_one))
    commands = tuple(_command(one, change) for one in due for change in one.changes)
    told = [_does(one) for one in due if one.changes] or ["Nothing to copy: no row differs that could be copied."]
    held = [said for one in due for said in staying(one.drift.pair.shape(target_of(one.table)), one.ahead.held)]
    touched = len(commands) + sum(one.ahead.rows for one in due)
    there = sum(max(one.drift.left_rows, one.drift.right_rows) + one.ahead.there for one in due)
    return Plan(
        does=" ".join([*told, *held, *left]),
        commands=commands,
        blast_radius=BlastRadius(touched=touched, total=max(there, touched), noun="rows"),
        risk=max((one.ahead.risk(risk) for one in due), default=risk),
        loses=f"No way back. {WAY_BACK.loses}",
        evidence=[line for one in due for line in one.evidence],
        language="text",
    )


def _drift(mirror: Mirror, table: Table) -> Drift:
    with mirror.reading() as both:
        return drift_of(both, pair_of(both, table))


def _due(mirror: Mirror, drift: Drift, coming: Collection[str], *, only_one: bool) -> Due:
    """What has to be done to one table; `coming` are those that get their rows before."""
    pair = drift.pair
    refuse_empty_source(mirror, drift)
    if not only_one:
        refuse_beyond(drift, pair.table.max_rows)
    refuse_unwritable(mirror, pair)
    changes = changes_for(pair.table, drift.rows)
    if only_one:
        changes = sorted(changes, key=lambda change: GENTLEST_FIRST.index(change.verb))[:TRIED]
    with mirror.reading() as both:
        # Of all, not of those previewed: which those are may shift, and what an approval is for must not.
        records = side_by_side(both, pair, [change.key for change in changes])
        gone = [change.key for change in changes if change.verb is Verb.DELETE][:PREVIEWED]
        records |= whole_rows(both, pair, target_of(pair.table), gone) if gone else {}
    changes = [replace(change, fields=_fields(records[change.key])) for change in changes]
    misfits = unfit(mirror, pair, changes, coming)
    possible, ahead = _possible(mirror.store(target_of(pair.table)), pair, changes, misfits, only_one=only_one)
    possible = [replace(change, along=ahead.followed.along.get(change.key, Counter())) for change in possible]
    return Due(drift=drift, changes=tuple(possible), records=records, ahead=ahead)


def _possible(
    store: Store, pair: Pair, changes: list[Change], misfits: Mapping[Key, str], *, only_one: bool
) -> tuple[list[Change], Ahead]:
    """What of the changes the store allows, and what it carries with it; of one record, the first that can be done."""
    shape = pair.shape(target_of(pair.table))
    with store.looking_ahead() as session:
        if not only_one:
            return seen_ahead(session, shape, changes, misfits)
        for change in changes:
            possible, ahead = seen_ahead(session, shape, [change], misfits)
            if possible:
                return possible, ahead
        return seen_ahead(session, shape, changes, misfits)


def _fields(lines: list[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(line["field"]) for line in lines if line["field"]))


def refuse_empty_source(mirror: Mirror, drift: Drift) -> None:
    """An empty source of truth is far more likely to be the fault than the truth.

    Raises:
        Refused: it is empty, and the other store is not.
    """
    table = drift.pair.table
    rows = {Side.LEFT: drift.left_rows, Side.RIGHT: drift.right_rows}
    source, target = table.source_of_truth, target_of(table)
    if rows[source] == 0 and rows[target] > 0:
        raise Refused(
            f"{table.title} is empty in {mirror.store(source).name}, the source of truth. All {rows[target]:,} rows in "
            f"{mirror.store(target).name} would be deleted.",
            remedy="Find out who emptied it, and restore it. If it is meant: TRUNCATE the other by hand.",
        )


def refuse_beyond(drift: Drift, most: int) -> None:
    """A large change wants a person to have named its size.

    Raises:
        Refused: more rows than `most`, or so many that they were not all read.
    """
    table = drift.pair.table
    total = drift.total - len(drift.ambiguous)
    if total > most or not drift.complete or any(drift.unread.values()):
        least = "" if drift.complete else "At least "
        named = f"max_rows = {total}" if total <= MOST_ROWS and drift.complete else "resync_max_rows"
        raise Refused(
            f"{least}{total:,} rows of {table.title} would be changed; its max_rows is {most:,}.",
            remedy=f"If that is meant: name {named} for {table.title} in the mirror's `tables`.",
        )


def _command(due: Due, change: Change) -> Command:
    """One row's change, as it is shown and as a machine finds it. It holds hashes, never values."""
    table, pair = due.table, due.drift.pair
    source, target = pair.shape(table.source_of_truth), pair.shape(target_of(table))
    row = f"the row {named(pair, change.key)} of {target.relation}"
    # Shown, never run: the values come from the source of truth when it is done.
    line = {
        Verb.INSERT: f"insert {row}, as in {source.store}",
        Verb.UPDATE: f"update {row}: {fields(due.records[change.key])} as in {source.store}",
        Verb.DELETE: f"delete {row}, which {source.store} has not",
    }[change.verb]
    along = f"; with it {amounts(change.along)}" if change.along else ""
    fires = [one.name for one, _ in due.ahead.fires]
    where = {"schema": table.schema_name, "table": table.name, "key": list(change.key)}
    return Command(
        line=f"{target.store}: {line}{along}",
        target={
            **where,
            "verb": str(change.verb),
            "seen": change.seen,
            "wanted": change.wanted,
            # Only where there is something: more of it than was approved is another plan.
            **({"fields": list(change.fields)} if change.verb is Verb.UPDATE else {}),
            **({"along": along_as_json(change.along)} if change.along else {}),
            **({"fires": fires} if fires else {}),
        },
    )


def _does(due: Due) -> str:
    source, target = due.drift.pair.shape(due.table.source_of_truth), due.drift.pair.shape(target_of(due.table))
    verbs = Counter(change.verb for change in due.changes)
    numbers = ", ".join(f"{verb} {number:,}" for verb in Verb if (number := verbs[verb]))
    return " ".join(
        [f"Make {due.table.title} in {target.store} agree with {source.store}: {numbers}.", *due.ahead.says]
    )


def _ambiguous(drift: Drift) -> list[str]:
    if not drift.ambiguous:
        return []
    number = count(len(drift.ambiguous), "key", "name")
    return [f"{number} no single row of {drift.pair.table.title} and must be sorted out by hand."]


def _changes(plan: Plan) -> dict[tuple[str, str], list[Change]]:
    """The plan's changes by schema and table."""
    found: dict[tuple[str, str], list[Change]] = {}
    for one in plan.commands:
        target = one.target
        change = Change(
            key=tuple(cast(list[str | None], target["key"])),
            seen=cast(str | None, target["seen"]),
            wanted=cast(str | None, target["wanted"]),
            fields=tuple(cast(list[str], target.get("fields", []))),
            along=along_from(target.get("along", [])),
        )
        found.setdefault((str(target["schema"]), str(target["table"])), []).append(change)
    return found


def _apply(mirror: Mirror, plan: Plan) -> Outcome:
    rows: list[Row] = []
    counted: Counter[tuple[str, str]] = Counter()
    for (schema, name), changes in _changes(plan).items():
        table = mirror.table(schema, name)
        done = write(mirror, table, changes)
        rows += [{"table": table.title, "key": list(key), "fate": fate} for key, fate in done.fates.items()]
        counted += done.beyond
    told = Counter(str(row["fate"]) for row in rows)
    return Outcome(
        says=f"{count(len(rows), 'row')}: {', '.join(f'{n:,} {fate}' for fate, n in told.items())}.{besides(counted)}",
        complete=told.keys() <= {verb.done for verb in Verb},
        rows=[*rows, *along_rows(counted)],
    )


def _applied(mirror: Mirror, plan: Plan) -> bool:
    """Does a row still stand as it was seen? Then not. Rows that became something else are done with, either way."""
    done = 0
    for (schema, name), changes in _changes(plan).items():
        table = mirror.table(schema, name)
        now = standing(mirror, table, changes)
        hashes = {key: row.hash(target_of(table)) for key, row in now.items()}
        if any(hashes[change.key] == change.seen for change in changes):
            return False
        done += sum(hashes[change.key] == change.wanted for change in changes)
    return done > 0
