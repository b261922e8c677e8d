"""What we ask a Postgres server about its indexes: which are missing, which do no work, which are half built?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from tasks.check import check
from tasks.model import Earlier, Finding, Json, Refused, Row, Threshold, Verdict
from tasks.postgres.counters import remembered, same_count
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.missing import LARGE_BYTES, missing_indexes
from tasks.postgres.indexes.queries import TABLE_SCANS
from tasks.postgres.indexes.spare import Spare
from tasks.postgres.indexes.unfinished import unfinished
from tasks.postgres.left_out import NAMED, left_out
from tasks.postgres.statements.checks import STATEMENT_TIME
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, count, span

IDLE_BYTES = Threshold(
    warn=2**20,
    bad=2**30,
    because="Owner: the DBA. In all. Every write pays for such an index, and nobody is hurt by a mebibyte of it; a "
    "gibibyte is as much as a small server's whole cache, and is written to every backup and replica.",
)

BY_HAND = "Explain it by hand, with real values: EXPLAIN (ANALYZE, BUFFERS) SELECT …;"

SHORTEST_LOOK_S = 60.0

SCAN_RATE = Threshold(
    warn=60,
    bad=3600,
    because="Owner: the team on call. A nightly report reads a large table whole, and rightly so; once a minute is a "
    "page that misses an index, once a second a busy one.",
)


@check
def check_invalid_indexes(postgres: PostgresServer) -> Finding:
    """Did a broken-off build leave an invalid index behind?

    Always BAD: something broke half-way, every write pays for it, and a unique one still refuses equal values. What is
    being built or dropped on a table is told, and nothing is said of its indexes until that is over. An index of a
    partitioned table that waits for some of its partitions is WARN, and BAD where a partition's own is invalid: the
    answer holds the line for each.
    """
    found = spare.broken_off(postgres, spare.facts(postgres, only_invalid=True))
    rest = unfinished(postgres)

    names = _names([str(one.row["ident"]) for one in found] + rest.broken)
    left = "No build broke off." if rest.says else "No index is invalid."
    if names:
        left = f"Invalid, and written with every row: {names}."
    return Finding(
        verdict=Verdict.BAD if names else Verdict.WARN if rest.parts else Verdict.OK,
        says=f"{left} {rest.says}".strip(),
        value=len(found) + len(rest.broken),
        unit="indexes",
        rows=[*(one.evidence for one in found), *rest.parts, *rest.builds],
        remedy=rest.by_hand,
    )


@check
def check_duplicate_indexes(postgres: PostgresServer, size: Threshold = IDLE_BYTES) -> Finding:
    """Are there indexes whose queries another index of the table answers as well?

    That is one of the same definition, or one that begins with the same columns and is at most twice as large. Left out
    are indexes that enforce something (keys, unique, exclusion), replica identities, partial ones that are not exactly
    alike, those of partitions, and those below 1 MiB.
    """
    locked = spare.locked(postgres, spare.WORTH_DROPPING_BYTES)
    found = spare.large(spare.duplicates(spare.facts(postgres, spare.WORTH_DROPPING_BYTES, without=locked)))

    first = f"; {found[0].row['ident']}: {found[0].why}" if found else ""
    return left_out(_idle(found, size, "superfluous beside another one", f"{first}."), locked)


@check
def check_idle_indexes(postgres: PostgresServer, size: Threshold = IDLE_BYTES) -> Finding:
    """Are there indexes that no query uses?

    Judged only after 31 days of counting: a crash, a restored copy or a reset begins it anew, and so does the end of
    being a standby. Left out are indexes that enforce something (keys, unique, exclusion), replica identities, those a
    foreign key needs, those of partitions, and those below 1 MiB. Where replicas answer queries they count their own,
    which cannot be seen from here: then the answer is never worse than WARN, and nothing is dropped.
    """
    counted = spare.counting(postgres)
    alone = {**counted, "replicas": 0, "standby": False}
    locked = spare.locked(postgres, spare.WORTH_DROPPING_BYTES)
    found = spare.large(spare.unused(spare.facts(postgres, spare.WORTH_DROPPING_BYTES, without=locked), alone))

    finding = _idle(found, size, "unused", f", counted for {span(number(counted['counted_for_s']))}.")
    says, verdict = finding.says, finding.verdict
    if young := spare.too_young(counted):
        says = f"Which indexes are unused cannot be told yet: {young}."
    elif found and (ask := spare.elsewhere(counted)):
        says, verdict = f"{says} Yet {ask}.", min(verdict, Verdict.WARN)
    return left_out(dataclasses.replace(finding, verdict=verdict, says=says, facts=counted), locked)


@check
def check_missing_indexes(postgres: PostgresServer, mean: Threshold = STATEMENT_TIME) -> Finding:
    """Does a statement that was slow read a large table from end to end for a few of its rows?

    Read from the plan (EXPLAIN, never executed) of the 20 statements that took most time and were slow at least once.
    Tables below 8 MiB are left out, and statements that want more than 5 % of a table. Never worse than WARN: what
    hurts is the slow statement, and check_slow_statements says so.
    """
    try:
        candidates, unclear = missing_indexes(postgres, mean)
    except Refused as error:
        return Finding.unknown(error.says, remedy=error.remedy)
    slow = [one for one in unclear if mean.judge(number(one.statement["mean_s"])) > Verdict.OK]
    rows = [*(one.evidence for one in candidates), *(one.evidence for one in slow)]
    if candidates:
        first = candidates[0]
        says = (
            f"{len(candidates)} missing: an index on {first.column} of {first.schema}.{first.table}"
            f"{' and others' if len(candidates) > 1 else ''}, for {first.statement['query']}"
        )
        return Finding(verdict=Verdict.WARN, says=says, value=len(candidates), unit="indexes", rows=rows)
    if slow:
        # Which are slow now another question says; these are known by their mean since they are counted.
        amount = count(len(slow), "statement")
        says = (
            f"{amount} slow on average since counted, not necessarily now: which index is missing cannot be told. "
            f"{slow[0].why}"
        )
        return Finding(verdict=Verdict.UNKNOWN, says=says, rows=rows, remedy=BY_HAND)
    return Finding(verdict=Verdict.OK, says="No slow statement misses an index.", value=0, unit="indexes")


@check
def check_sequential_scans(
    postgres: PostgresServer, per_hour: Threshold = SCAN_RATE, earlier: Earlier | None = None
) -> Finding:
    """Is a large table read from end to end all the time?

    Counted since the last look, in tables from 8 MiB; at the first look counting begins. Never worse than WARN: reading
    a table whole may be right, and whether it hurts is what check_slow_statements says.
    """
    now = postgres.rows(TABLE_SCANS, at_least=LARGE_BYTES)
    counted = spare.counting(postgres)

    before = same_count(postgres, counted, earlier)
    known = before.get("scans")
    over_s = max(number(counted["at_s"]) - number(before.get("at_s")), SHORTEST_LOOK_S)
    rows = [{**row, "per_hour": _more(row, known) / over_s * HOUR_S} for row in now]
    rows.sort(key=lambda row: -number(row["per_hour"]))
    most = number(rows[0]["per_hour"]) if rows else 0.0
    return Finding(
        verdict=min(per_hour.judge(most), Verdict.WARN),
        says=_scanned(rows, most, before, over_s),
        value=most,
        unit="1/h",
        facts={
            **remembered(postgres, counted, ()),
            "scans": {str(row["key"]): row["scans"] for row in now},
        },
        rows=[row for row in rows if per_hour.judge(number(row["per_hour"]))],
    )


def _idle(found: Sequence[Spare], limit: Threshold, what: str, more: str) -> Finding:
    size = sum(number(one.row["bytes"]) for one in found)
    amount = f"{len(found)} indexes are" if len(found) > 1 else f"{'1' if found else 'No'} index is"
    told = f" ({size / 2**20:,.0f} MiB, bad from {limit.bad / 2**20:,.0f})" if found else ""
    return Finding(
        verdict=limit.judge(size),
        says=f"{amount} {what}{told}{more}",
        value=size,
        unit="bytes",
        rows=[one.evidence for one in found],
    )


def _names(idents: Sequence[str]) -> str:
    more = f" and {len(idents) - NAMED} more" if len(idents) > NAMED else ""
    return ", ".join(idents[:NAMED]) + more


def _more(row: Row, known: Json) -> float:
    """Scans since the last look; none of a table that was not there, or whose count was reset."""
    before = known.get(str(row["key"])) if isinstance(known, Mapping) else None
    return max(0.0, number(row["scans"]) - number(before)) if before is not None else 0.0


def _scanned(rows: Sequence[Row], most: float, before: Row, over_s: float) -> str:
    tables = count(len(rows), "large table")
    if not before:
        return f"{tables}; from now on it is counted how often they are read whole."
    if not most:
        return f"{tables}, none read whole since the last look {span(over_s)} ago."
    return f"{tables}; {rows[0]['table']} is read whole {most:,.0f} times an hour since the last look."
