"""What we ask a Postgres server about indexes that do no work."""

from __future__ import annotations

from tasks.check import check
from tasks.model import Finding, Verdict
from tasks.postgres.queries import IDLE_INDEXES, INVALID_INDEXES, SCAN_COUNTING
from tasks.postgres.statement_looks import number
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import HOUR_S, count, span

# Below this nobody gains anything by dropping it.
WORTH_DROPPING_BYTES = 2**20
# The month's end has its own reports.
LONG_ENOUGH_S = 31 * 24 * HOUR_S


@check
def check_invalid_indexes(postgres: PostgresServer) -> Finding:
    """Did a broken-off build leave an invalid index behind?

    Never worse than WARN: every write pays for it and no query may use it, yet it breaks nothing. Left
    out are builds that run now, and the indexes of partitioned tables, which wait for their last partition.
    """
    rows = postgres.rows(INVALID_INDEXES)

    names = ", ".join(f"{row['schema']}.{row['index']}" for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return Finding(
        verdict=Verdict.WARN if rows else Verdict.OK,
        says=f"Invalid, and written with every row: {names}{more}." if rows else "No index is invalid.",
        value=len(rows),
        unit="indexes",
        rows=rows,
    )


@check
def check_idle_indexes(postgres: PostgresServer) -> Finding:
    """Are there indexes that no query uses, or that another index makes superfluous?

    Never worse than WARN: an idle index slows writes, it breaks nothing. Left out are indexes that enforce something
    (keys, unique, exclusion), replica identities, and those below 1 MiB. An index counts as unused only after 31 days
    of counting; where replicas answer queries they count their own, and must be asked before anything is dropped.
    """
    counting = postgres.rows(SCAN_COUNTING)[0]
    counted_s = number(counting["counted_for_s"])
    rows = [
        row
        for row in postgres.rows(IDLE_INDEXES, at_least=WORTH_DROPPING_BYTES)
        if row["reason"] == "duplicate" or counted_s >= LONG_ENOUGH_S
    ]

    size = sum(number(row["bytes"]) for row in rows)
    amount = f"{len(rows)} indexes" if len(rows) > 1 else count(len(rows), "index")
    replicas = int(number(counting["replicas"]))
    ask = f" Replicas count their own queries: ask the {replicas} of them, too." if replicas and rows else ""
    return Finding(
        verdict=Verdict.WARN if rows else Verdict.OK,
        says=f"{amount} unused or duplicate ({size / 2**20:,.0f} MiB), counted for {span(counted_s)}.{ask}",
        value=size,
        unit="bytes",
        facts=counting,
        rows=rows,
    )
