"""What we ask a Postgres server about its size: what grows, when is it too large, and which room is wasted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks import amounts
from tasks.check import check
from tasks.growth import Look, looks, per_second, seconds_until, with_look
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict
from tasks.postgres.left_out import left_out, locked_out
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables.bloat import WORTH_REBUILDING_BYTES, index_bloat, table_bloat
from tasks.postgres.tables.queries import DATABASE_SIZE, LARGEST_TABLES
from tasks.postgres.values import number

DAY_S = 86400.0
# From day to day, for a nightly import grows a database once a day; two weeks hold what is weekly.
LOOK_EVERY_S = DAY_S
LOOKS_KEPT = 14
TREND_FROM_S = 2 * DAY_S

DATABASE_SIZE_LIMIT = Threshold(
    warn=51 * 2**40,
    bad=64 * 2**40,
    because="Owner: whoever pays for the plan. The largest volume Amazon RDS offers is 64 TiB. Yours is smaller: set "
    "its size in environments.toml (`check_database_size.size`), and the days until then are told.",
)
TIME_LEFT = Threshold(
    warn=30 * DAY_S,
    bad=7 * DAY_S,
    because="Owner: the DBA. A larger plan or an archive of old rows is decided and done in weeks, not on the day the "
    "disk is full.",
)

INDEX_BLOAT = Threshold(
    warn=0.5,
    bad=0.8,
    because="Owner: the DBA. A B-tree that is written in any order keeps about a third of its pages free, and needs "
    "it. From half on, twice the pages are read and cached for the same entries; at 0.8, five times.",
)
TABLE_BLOAT = Threshold(
    warn=0.5,
    bad=0.8,
    because="Owner: the DBA. Autovacuum lets a fifth of a table die before it comes, and the room is used again. From "
    "half on a reading of the whole table reads twice the pages; at 0.8, five times.",
)


@check
def check_database_size(
    postgres: PostgresServer,
    size: Threshold = DATABASE_SIZE_LIMIT,
    left: Threshold = TIME_LEFT,
    earlier: Earlier | None = None,
) -> Finding:
    """Does the database grow towards the size it may have?

    The trend is the pace it kept on half of the last days, two weeks at most, so that one import is not taken for one;
    it needs looks over two days. Tables that are locked out of everybody's reach at the moment are named, not measured.
    """
    if blind := postgres.blind():
        return blind
    now = postgres.rows(DATABASE_SIZE)[0]
    found = postgres.rows(LARGEST_TABLES)
    tables = [row for row in found if not row["locked"]]
    locked = [f"{row['schema']}.{row['table']}" for row in found if row["locked"]]
    before = earlier.facts if earlier and _same(earlier.facts, postgres, now) else {}

    at_s, amount = number(now["at_s"]), number(now["bytes"])
    known = with_look(looks(before.get("looks")), at_s, amount, every_s=LOOK_EVERY_S, kept=LOOKS_KEPT)
    left_s = seconds_until(size.bad, known, at_least_s=TREND_FROM_S)
    verdict = max(size.judge(amount), left.judge(left_s) if left_s is not None else Verdict.OK)
    rows = _grown(tables, before)
    return Finding(
        verdict=verdict,
        says=f"{_says(now, known, left_s, rows, size)}{locked_out(locked)}",
        value=amount,
        unit="bytes",
        facts={
            "server": postgres.address,
            "counting": now["counting"],
            "looks": [list(look) for look in known],
            "tables": {str(row["key"]): row["bytes"] for row in tables},
        },
        rows=rows,
    )


@check
def check_index_bloat(postgres: PostgresServer, wasted: Threshold = INDEX_BLOAT) -> Finding:
    """Do indexes take far more room than their entries need?

    B-trees from 10 MiB, estimated from the planner's statistics; a tenth more or less is within the error. Never worse
    than WARN: it costs cache and disk, it breaks nothing, and check_slow_statements says where it hurts.
    """
    return _bloated(index_bloat(postgres, WORTH_REBUILDING_BYTES), ("large index", "large indexes"), wasted)


@check
def check_table_bloat(postgres: PostgresServer, wasted: Threshold = TABLE_BLOAT) -> Finding:
    """Do tables take far more room than their rows need?

    Tables from 10 MiB, without TOAST, estimated from the planner's statistics; a tenth more or less is within the
    error. Never worse than WARN: new rows use the room again, and only a rewrite, which locks everybody out, gives it
    back to the disk.
    """
    return _bloated(table_bloat(postgres, WORTH_REBUILDING_BYTES), ("large table", "large tables"), wasted)


def _same(facts: Row, postgres: PostgresServer, now: Row) -> bool:
    """The same database: one restored under the old name begins anew."""
    return facts.get("server") == postgres.address and facts.get("counting") == now["counting"]


def _grown(tables: Sequence[Row], before: Row) -> list[Row]:
    """The largest tables, each with what it grew by since the last look."""
    told = before.get("tables")
    known = told if isinstance(told, Mapping) else {}
    return [{**row, "grown_bytes": _more(row, known.get(str(row["key"])))} for row in tables]


def _more(row: Row, before: Json) -> float | None:
    return None if before is None else number(row["bytes"]) - number(before)


def _says(now: Row, known: Sequence[Look], left_s: float | None, tables: Sequence[Row], limit: Threshold) -> str:
    rate = per_second(known, at_least_s=TREND_FROM_S)
    trend = "" if rate is None else f" and grows by {amounts.size(rate * DAY_S)} a day"
    until = "" if left_s is None else f", {amounts.stretch(left_s)} from that"
    return (
        f"{now['database']} holds {amounts.size(number(now['bytes']))}{trend} "
        f"(bad from {amounts.size(limit.bad)}{until}){_largest(tables)}."
    )


def _largest(tables: Sequence[Row]) -> str:
    if not tables:
        return ""
    first = tables[0]
    return f"; the largest table is {first['schema']}.{first['table']} with {amounts.size(number(first['bytes']))}"


def _bloated(rows: Sequence[Row], nouns: tuple[str, str], limit: Threshold) -> Finding:
    locked = [row for row in rows if row["locked"]]
    return left_out(_of_the_measured([row for row in rows if not row["locked"]], nouns, limit), locked)


def _of_the_measured(rows: Sequence[Row], nouns: tuple[str, str], limit: Threshold) -> Finding:
    unseen = [row for row in rows if row["ratio"] is None]
    if unseen and len(unseen) == len(rows):
        return Finding.unknown(
            f"How full {rows[0]['ident']} and {len(rows) - 1} more are cannot be told: their statistics are hidden "
            "from the acting role, or ANALYZE has never run.",
            remedy="ANALYZE; and GRANT pg_read_all_data TO the role of action_url (14 and later), or SELECT on them.",
        )
    sick = [row for row in rows if limit.judge(number(row["ratio"]))]
    worst = max(sick, key=lambda row: number(row["ratio"]), default=None)
    return Finding(
        verdict=Verdict.WARN if sick else Verdict.OK,
        says=_wasting(len(rows), worst, nouns, limit, len(unseen)),
        value=max((number(row["ratio"]) for row in rows), default=0.0),
        unit="ratio",
        facts={"wasted_bytes": sum(number(row["wasted_bytes"]) for row in sick)},
        rows=[*sick, *unseen],
    )


def _wasting(known: int, worst: Row | None, nouns: tuple[str, str], limit: Threshold, unseen: int) -> str:
    hidden = f" Of {unseen} it cannot be told." if unseen else ""
    if not known:
        return f"No {nouns[0]}: none takes {WORTH_REBUILDING_BYTES / 2**20:,.0f} MiB."
    large = f"{known:,} {nouns[known > 1]}"
    if worst is None:
        return f"{large} looked at, none is more than {limit.warn:.0%} waste.{hidden}"
    return (
        f"{large} looked at; the worst, {worst['ident']}, is {number(worst['ratio']):.0%} waste (looked into from "
        f"{limit.warn:.0%}): {number(worst['wasted_bytes']) / 2**20:,.0f} of "
        f"{number(worst['size_bytes']) / 2**20:,.0f} MiB.{hidden}"
    )
