"""What we ask a Postgres server about room that its tables and indexes take and do not need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.left_out import left_out
from tasks.postgres.page_fill import Shape, btree_bytes, heap_bytes, shape_of
from tasks.postgres.queries import INDEX_SHAPES, TABLE_SHAPES
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# Below this nobody gains anything by a rebuild.
WORTH_REBUILDING_BYTES = 10 * 2**20

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


def index_bloat(postgres: PostgresServer, at_least_bytes: float = WORTH_REBUILDING_BYTES) -> list[Row]:
    """The B-tree indexes from that size on, the most wasteful first.

    Each row: schema, table, index, ident (schema and index, quoted by the server), size_bytes, wasted_bytes (an
    estimate from the planner's statistics: what a REINDEX would give back), ratio (wasted of size, 0 to 1), locked; the
    numbers are None where the acting role may not see the statistics, and of an index that is locked, which nobody can
    measure. Other kinds of index are left out: nothing is known of their fill.

    Raises:
        CannotLook, Refused: no answer.
    """
    # As the acting role: pg_stats shows only what one may read, and the right to rebuild is that role's.
    return _judged(postgres.rows_as_actor(INDEX_SHAPES, at_least=at_least_bytes), btree_bytes)


def table_bloat(postgres: PostgresServer, at_least_bytes: float = WORTH_REBUILDING_BYTES) -> list[Row]:
    """The tables from that size on, the most wasteful first; rows as `index_bloat`, without `index`.

    What VACUUM has made free for new rows counts as wasted here, and so do dead rows. TOAST is left out.

    Raises:
        CannotLook, Refused: no answer.
    """
    return _judged(postgres.rows_as_actor(TABLE_SHAPES, at_least=at_least_bytes), heap_bytes)


@check
def check_index_bloat(postgres: PostgresServer, wasted: Threshold = INDEX_BLOAT) -> Finding:
    """Do indexes take far more room than their entries need?

    B-trees from 10 MiB, estimated from the planner's statistics; a tenth more or less is within the error. Never worse
    than WARN: it costs cache and disk, it breaks nothing, and check_slow_statements says where it hurts.
    """
    return _says(index_bloat(postgres, WORTH_REBUILDING_BYTES), ("large index", "large indexes"), wasted)


@check
def check_table_bloat(postgres: PostgresServer, wasted: Threshold = TABLE_BLOAT) -> Finding:
    """Do tables take far more room than their rows need?

    Tables from 10 MiB, without TOAST, estimated from the planner's statistics; a tenth more or less is within the
    error. Never worse than WARN: new rows use the room again, and only a rewrite, which locks everybody out, gives it
    back to the disk.
    """
    return _says(table_bloat(postgres, WORTH_REBUILDING_BYTES), ("large table", "large tables"), wasted)


def _judged(shapes: Sequence[Row], needs: Callable[[Shape], int]) -> list[Row]:
    rows = [{**_named(row), **_wasted(row, needs)} for row in shapes]
    return sorted(rows, key=lambda row: -number(row["wasted_bytes"]))


def _named(row: Row) -> Row:
    return {
        key: row[key] for key in ("schema", "table", "index", "ident", "size_bytes", "rows", "locked") if key in row
    }


def _wasted(row: Row, needs: Callable[[Shape], int]) -> Row:
    shape = None if row["locked"] else shape_of(row)
    if shape is None:
        return {"wasted_bytes": None, "ratio": None}
    size = number(row["size_bytes"])
    wasted = max(0.0, size - needs(shape))
    return {"wasted_bytes": int(wasted), "ratio": wasted / size}


def _says(rows: Sequence[Row], nouns: tuple[str, str], limit: Threshold) -> Finding:
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
        says=_sentence(len(rows), worst, nouns, limit, len(unseen)),
        value=max((number(row["ratio"]) for row in rows), default=0.0),
        unit="ratio",
        facts={"wasted_bytes": sum(number(row["wasted_bytes"]) for row in sick)},
        rows=[*sick, *unseen],
    )


def _sentence(known: int, worst: Row | None, nouns: tuple[str, str], limit: Threshold, unseen: int) -> str:
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
