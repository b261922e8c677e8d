"""What we ask of two stores that should hold the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from tasks.check import check
from tasks.mirror.compare import Drift, How, counted, drift_of
from tasks.mirror.shape import Pair, pair_of
from tasks.mirror.side_by_side import fields, named, side_by_side
from tasks.mirror.stores import Both
from tasks.mirror.system import Mirror
from tasks.model import Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.words import count

T = TypeVar("T")

# More records than this nobody compares by eye.
SHOWN = 10

ROW_GAP = Threshold(
    warn=0.001,
    bad=0.01,
    because="Owner: the team on call. Writes that are on their way make the counts differ by a few rows; one row in a "
    "hundred is a batch that was lost, or a job that stopped (seed S1, runbook 5: records that do not appear in both).",
)
DRIFTED = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: the team on call. A row that still differs at a second look is a customer about whom two systems "
    "say two things (seed S1, runbook 5: prospects showing different stages). There is no half a row: any is BAD.",
)


@check(limit=timedelta(seconds=60))
def check_row_counts(mirror: Mirror, gap: Threshold = ROW_GAP) -> Finding:
    """Do both stores hold as many rows?

    Counted exactly, table by table. Quick, and blind to rows that differ in their values: check_row_drift sees those.
    Judged is the share of the larger table's rows that the smaller one has not.
    """
    counts, unseen = _each(mirror, lambda both, pair: Counted(pair, *counted(both, pair)))
    uneven = sorted((one for one in counts if one.left != one.right), key=lambda one: -one.gap)
    largest = max((one.gap for one in counts), default=0.0)
    return _finding(
        verdict=gap.judge(largest),
        says=_counts_say(counts, uneven, gap),
        value=largest,
        unit="ratio",
        rows=[one.row for one in uneven],
        unseen=unseen,
    )


@check(limit=timedelta(minutes=5))
def check_row_drift(mirror: Mirror, drifted: Threshold = DRIFTED) -> Finding:
    """Which rows differ between the two stores?

    Hashes are compared, first of many rows at once; only where those differ are rows looked at. Left out are ignored
    columns, rows younger than the settling time, and rows that somebody changes while we look: every row is looked at
    twice. Equal are values that mean the same: 1.0 and 1.00, one moment in two time zones, JSON in another order. NULL
    and '' differ.
    """
    seen, unseen = _each(mirror, _with_records)
    drifts = [drift for drift, _ in seen]
    total = sum(drift.total for drift in drifts)
    # What was not read may differ: that is not health.
    least = Verdict.OK if all(drift.complete for drift in drifts) else Verdict.UNKNOWN
    return _finding(
        verdict=max(drifted.judge(total), least),
        says=" ".join(_drift_says(drift, lines, drifted) for drift, lines in seen),
        value=float(total),
        unit="rows",
        facts=_facts(drifts),
        rows=[line for _, lines in seen for line in lines],
        unseen=unseen,
    )


@dataclass(frozen=True)
class Counted:
    """How many rows a table has in either store."""

    pair: Pair
    left: int
    right: int

    @property
    def gap(self) -> float:
        return abs(self.left - self.right) / max(self.left, self.right, 1)

    @property
    def row(self) -> Row:
        names = self.pair.left.store, self.pair.right.store
        return {"table": self.pair.table.title, f"in {names[0]}": self.left, f"in {names[1]}": self.right}


def _with_records(both: Both, pair: Pair) -> tuple[Drift, list[Row]]:
    """The drift of one table, and its first sick records field by field."""
    drift = drift_of(both, pair)
    records = side_by_side(both, pair, [row.key for row in drift.rows[:SHOWN]])
    return drift, [line for lines in records.values() for line in lines]


def _each(mirror: Mirror, ask: Callable[[Both, Pair], T]) -> tuple[list[T], list[Refused]]:
    """The answer for every table, and why there is none for others: one wrong name must not hide the rest."""
    answers: list[T] = []
    unseen: list[Refused] = []
    for table in mirror.tables:
        try:
            with mirror.reading() as both:
                answers.append(ask(both, pair_of(both, table)))
        except Refused as error:
            unseen.append(error)
    return answers, unseen


def _finding(
    *,
    verdict: Verdict,
    says: str,
    value: float,
    unit: str,
    rows: list[Row],
    unseen: list[Refused],
    facts: Row | None = None,
) -> Finding:
    return Finding(
        verdict=max(verdict, Verdict.UNKNOWN) if unseen else verdict,
        says=" ".join([says, *(error.says for error in unseen)]).strip(),
        value=value,
        unit=unit,
        facts=facts or {},
        rows=rows,
        remedy="\n".join(error.remedy for error in unseen),
    )


def _counts_say(counts: list[Counted], uneven: list[Counted], gap: Threshold) -> str:
    bad = f"(bad from a gap of {gap.bad:.2%})"
    if not counts:
        return ""
    if not uneven:
        amounts = ", ".join(f"{one.pair.table.title} {one.left:,}" for one in counts)
        return f"Both stores hold as many rows {bad}: {amounts}."
    worst = uneven[0]
    return (
        f"{worst.pair.table.title} has {worst.left:,} rows in {worst.pair.left.store} and {worst.right:,} in "
        f"{worst.pair.right.store}: a gap of {worst.gap:.2%} {bad.replace('a gap of ', '')}."
    )


def _drift_says(drift: Drift, lines: list[Row], drifted: Threshold) -> str:
    pair, rows = drift.pair, max(drift.left_rows, drift.right_rows)
    limit = f"(bad from {drifted.bad:,g})"
    if not drift.total and not drift.complete:
        return f"More rows of {pair.table.title} may differ than can be read.{_left_out(drift)}"
    if not drift.total:
        agree = (
            f"All {rows:,} rows of {pair.table.title} agree"
            if rows
            else f"Both stores have no row of {pair.table.title}"
        )
        return f"{agree} {limit}.{_left_out(drift)}"
    least = "" if drift.complete else "At least "
    parts = [
        (drift.count(How.MISSING_RIGHT), f"missing in {pair.right.store}"),
        (drift.count(How.MISSING_LEFT), f"missing in {pair.left.store}"),
        (drift.count(How.DIFFERENT), f"with other values{_in_fields(lines)}"),
        (len(drift.ambiguous), f"with a key that names no single row, such as {_first_ambiguous(drift)}"),
    ]
    told = ", ".join(f"{number:,} {what}" for number, what in parts if number)
    return (
        f"{least}{drift.total:,} of {rows:,} rows of {pair.table.title} differ between {pair.left.store} and "
        f"{pair.right.store} {limit}: {told}.{_left_out(drift)}"
    )


def _in_fields(lines: list[Row]) -> str:
    return f" ({names})" if (names := fields(lines)) else ""


def _first_ambiguous(drift: Drift) -> str:
    return named(drift.pair, drift.ambiguous[0]) if drift.ambiguous else ""


def _left_out(drift: Drift) -> str:
    settling = drift.pair.table.settling
    said = [f"{count(drift.moving, 'row')} changed while we looked"] if drift.moving else []
    if drift.unsettled and settling:
        said.append(f"{count(drift.unsettled, 'row')} changed in the last {settling.seconds:g} s")
    return f" Left out: {', '.join(said)}." if said else ""


def _facts(drifts: list[Drift]) -> Row:
    return {
        drift.pair.table.title: {
            **{str(how): drift.count(how) for how in How},
            "key not unique": len(drift.ambiguous),
            "changed meanwhile": drift.moving,
            "younger than settling": drift.unsettled,
            "complete": drift.complete,
            "only in one store": list(drift.pair.alone),
        }
        for drift in drifts
    }
