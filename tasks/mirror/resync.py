"""Make whole ranges of a table agree: for when far more rows differ than anybody would look at one by one.

A range is a run of buckets (see compare.py). What is approved is one state of it in both stores, told by the number of
its rows and the sum of their hashes; a range that is in another state when its turn comes is left alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tasks.action import Action
from tasks.mirror.actions import WAY_BACK, refuse_empty_source
from tasks.mirror.ahead import NOTHING_AHEAD, Ahead, refuse_followers, seen_ahead, staying
from tasks.mirror.changes import Verb, changes_for, target_of
from tasks.mirror.compare import EMPTY, Bucket, Drift, buckets_of, differing, drift_of, mask_for, rows_in
from tasks.mirror.fit import refuse_any, unfit
from tasks.mirror.shape import Pair, pair_of
from tasks.mirror.stores import Both, Side, Table
from tasks.mirror.system import Mirror
from tasks.mirror.write import refuse_unwritable, write
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import along_as_json, along_from, along_rows, besides
from tasks.postgres.words import count

# Read, compared and written together, in one transaction: seconds, and some tens of megabytes.
ROWS_A_RANGE = 20_000
MOST_RANGES = 256

RANGE_MOVED = "changed since it was seen: not touched"


@dataclass(frozen=True, kw_only=True)
class Range:
    """A run of buckets, and its state in the source of truth and in the store that follows."""

    mask: int
    first: int
    last: int
    source: Bucket
    follower: Bucket

    @property
    def buckets(self) -> range:
        return range(self.first, self.last + 1)


class ResyncTables(Action):
    """Copy whole tables from the source of truth.

    For tables that differ in more rows than their `max_rows`, range by range, one transaction each; rows that agree are
    not written. Rows of other tables that go along, and triggers that fire, are told. Refused until somebody has named
    `resync_max_rows` for the table. Readers and writers go on; a range that changes meanwhile is left alone, so stop
    the sync job and other writers first.
    """

    undo = WAY_BACK

    def plan(self, mirror: Mirror) -> Plan:
        parts = [_planned(mirror, table) for table in mirror.tables if table.source_of_truth is not Side.NONE]
        due = [part for part in parts if part.ranges]
        does = " ".join(part.does for part in due)
        return Plan(
            does=does or "Nothing to resync: no table differs in more rows than its max_rows.",
            commands=tuple(_command(part, one) for part in due for one in part.ranges),
            blast_radius=BlastRadius(
                touched=sum(part.rows + part.ahead.rows for part in due),
                total=sum(max(part.drift.left_rows, part.drift.right_rows) + part.ahead.there for part in due),
                noun="rows",
            ),
            risk=Risk.HIGH,
            loses=self.way_back,
            evidence=[_evidence(part) for part in due],
            language="text",
        )

    def apply(self, mirror: Mirror, plan: Plan) -> Outcome:
        rows: list[Row] = []
        counted: Counter[tuple[str, str]] = Counter()
        for command in plan.commands:
            row, beyond = _resynced(mirror, command)
            rows.append(row)
            counted += beyond
        told: Counter[str] = Counter()
        for row in rows:
            told.update({verb.done: cast(int, row[verb.done]) for verb in Verb})
        left = sum(row["fate"] != "agrees" for row in rows)
        said = ", ".join(f"{told[verb.done]:,} rows {verb.done}" for verb in Verb)
        rest = f" {count(left, 'range')} left alone, in whole or in part." if left else ""
        return Outcome(
            says=f"{count(len(rows), 'range')}: {said}.{rest}{besides(counted)}",
            complete=not left,
            rows=[*rows, *along_rows(counted)],
        )

    def applied(self, mirror: Mirror, plan: Plan) -> bool | None:
        """Does a range still stand as it was seen? Then not."""
        done = 0
        for table, ranges in _ranges_of(mirror, plan).items():
            for now, one in zip(_now(mirror, table, ranges), ranges, strict=True):
                if now.follower == one.follower:
                    return False
                done += now.follower == one.source
        return done > 0


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What is planned for one table."""

    drift: Drift
    ranges: Sequence[Range]
    rows: int
    ahead: Ahead = NOTHING_AHEAD

    @property
    def does(self) -> str:
        pair, table = self.drift.pair, self.drift.pair.table
        source, follower = pair.shape(table.source_of_truth).store, pair.shape(target_of(table)).store
        most = "" if self.drift.complete else "at most "
        amount = f"{most}{count(self.rows, 'row')} in {count(len(self.ranges), 'range')}"
        told = f"Make {table.title} in {follower} agree with {source}: {amount}."
        held = staying(pair.shape(target_of(table)), self.ahead.held)
        return " ".join([told, *self.ahead.says, *held])


def _planned(mirror: Mirror, table: Table) -> _Part:
    with mirror.reading() as both:
        pair = pair_of(both, table)
        drift = drift_of(both, pair)
        if drift.complete and len(drift.rows) + sum(drift.unread.values()) <= table.max_rows:
            return _Part(drift=drift, ranges=(), rows=0)
        states = _ranges(both, pair, max(drift.left_rows, drift.right_rows))
    ranges = [one for one in states if one.source != one.follower]
    # What was not read may all differ.
    most = sum(max(one.source.rows, one.follower.rows) for one in ranges)
    rows = drift.total - len(drift.ambiguous) if drift.complete else most
    refuse_empty_source(mirror, drift)
    _refuse_unnamed(table, rows)
    refuse_unwritable(mirror, pair)
    return _Part(drift=drift, ranges=ranges, rows=rows, ahead=_ahead(mirror, drift))


def _ahead(mirror: Mirror, drift: Drift) -> Ahead:
    """What follows when all of it is written.

    Raises:
        Refused: a row would not be taken; or rows of other tables may follow, and not all rows of this one were read.
    """
    table = drift.pair.table
    shape, changes = drift.pair.shape(target_of(table)), changes_for(table, drift.rows)
    refuse_any(shape, unfit(mirror, drift.pair, changes, ()))
    with mirror.store(target_of(table)).looking_ahead() as session:
        if not drift.complete or any(drift.unread.values()):
            refuse_followers(session, shape)
        return seen_ahead(session, shape, changes, {})[1]


def _refuse_unnamed(table: Table, rows: int) -> None:
    """A change of this size wants somebody to have said so beforehand.

    Raises:
        Refused: `resync_max_rows` is not named, or smaller.
    """
    if table.resync_max_rows is None or rows > table.resync_max_rows:
        named = "is not named" if table.resync_max_rows is None else f"is {table.resync_max_rows:,}"
        raise Refused(
            f"A resync of {table.title} would change {rows:,} rows; its resync_max_rows {named}.",
            remedy=f"If that is meant: resync_max_rows = {rows} for {table.title} in the mirror's `tables`.",
        )


def _ranges(both: Both, pair: Pair, rows: int) -> list[Range]:
    """The whole table in ranges, each with its state now."""
    mask = mask_for(rows)
    sides = buckets_of(both, pair, mask)
    number = max(1, min(rows // ROWS_A_RANGE, MOST_RANGES, mask + 1))
    edges = [n * (mask + 1) // number for n in range(number + 1)]
    return [_range(pair.table, sides, mask, first, beyond - 1) for first, beyond in itertools.pairwise(edges)]


def _range(table: Table, sides: Sequence[Mapping[int, Bucket]], mask: int, first: int, last: int) -> Range:
    left, right = (_sum(side.get(n, EMPTY) for n in range(first, last + 1)) for side in sides)
    source, follower = (left, right) if table.source_of_truth is Side.LEFT else (right, left)
    return Range(mask=mask, first=first, last=last, source=source, follower=follower)


def _sum(buckets: Iterator[Bucket]) -> Bucket:
    found = list(buckets)
    return Bucket(sum(bucket.rows for bucket in found), str(sum(int(bucket.hash) for bucket in found)))


def _command(part: _Part, one: Range) -> Command:
    pair, table = part.drift.pair, part.drift.pair.table
    total, fires = part.ahead.followed.total, [one.name for one, _ in part.ahead.fires]
    source, follower = pair.shape(table.source_of_truth), pair.shape(target_of(table))
    where = f"range {one.first} to {one.last} of {one.mask + 1} of {follower.relation}"
    rows = f"{one.follower.rows:,} rows become {one.source.rows:,}"
    return Command(
        # Shown, never run.
        line=f"{follower.store}: make {where} agree with {source.store}: {rows}",
        target={
            "schema": table.schema_name,
            "table": table.name,
            "mask": one.mask,
            "first": one.first,
            "last": one.last,
            "source": {"rows": one.source.rows, "hash": one.source.hash},
            "follower": {"rows": one.follower.rows, "hash": one.follower.hash},
            # Of the whole table: no range takes more of other tables with it.
            **({"along": along_as_json(total)} if total else {}),
            **({"fires": fires} if fires else {}),
        },
    )


def _evidence(part: _Part) -> Row:
    drift = part.drift
    return {
        "table": drift.pair.table.title,
        f"rows in {drift.pair.left.store}": drift.left_rows,
        f"rows in {drift.pair.right.store}": drift.right_rows,
        "rows that differ": part.rows,
        "all of them read": drift.complete,
    }


def _range_of(target: Row) -> Range:
    states = {name: cast(Mapping[str, object], target[name]) for name in ("source", "follower")}
    source, follower = (Bucket(int(str(state["rows"])), str(state["hash"])) for state in states.values())
    mask, first, last = (int(str(target[name])) for name in ("mask", "first", "last"))
    return Range(mask=mask, first=first, last=last, source=source, follower=follower)


def _ranges_of(mirror: Mirror, plan: Plan) -> dict[Table, list[Range]]:
    found: dict[Table, list[Range]] = {}
    for command in plan.commands:
        table = mirror.table(str(command.target["schema"]), str(command.target["table"]))
        found.setdefault(table, []).append(_range_of(command.target))
    return found


def _now(mirror: Mirror, table: Table, ranges: Sequence[Range]) -> list[Range]:
    """The same ranges as they stand now."""
    with mirror.reading() as both:
        sides = buckets_of(both, pair_of(both, table), ranges[0].mask)
    return [_range(table, sides, one.mask, one.first, one.last) for one in ranges]


def _resynced(mirror: Mirror, command: Command) -> tuple[Row, Counter[tuple[str, str]]]:
    """One range made to agree, if both stores still hold what was approved; what became of it, and of other rows."""
    table, one = mirror.table(str(command.target["schema"]), str(command.target["table"])), _range_of(command.target)
    with mirror.reading() as both:
        pair = pair_of(both, table)
        left, right = rows_in(both, pair, one.mask, one.buckets)
    source, follower = (left, right) if table.source_of_truth is Side.LEFT else (right, left)
    told: Row = {"table": table.title, "range": f"{one.first} to {one.last}", **{verb.done: 0 for verb in Verb}}
    if (_state(source), _state(follower)) != (one.source, one.follower):
        return {**told, "fate": RANGE_MOVED}, Counter()
    drift = differing(pair, left, right)
    written = write(mirror, table, changes_for(table, drift.rows), together=along_from(command.target.get("along", [])))
    fates = Counter(written.fates.values())
    done = {verb.done: fates.pop(verb.done, 0) for verb in Verb}
    left_alone = sum(fates.values()) + len(drift.ambiguous) + drift.unsettled
    fate = f"{left_alone:,} rows left alone" if left_alone else "agrees"
    return {**told, **done, "fate": fate}, written.beyond


def _state(rows: Sequence[Row]) -> Bucket:
    """As buckets.sql sums it."""
    return Bucket(len(rows), str(sum(int(str(row["hash"])[:15], 16) for row in rows)))
