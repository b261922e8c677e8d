"""How much of their room tables and indexes do not need, estimated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.model import Row
from tasks.postgres.page_fill import Shape, btree_bytes, heap_bytes, shape_of
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables.queries import INDEX_SHAPES, TABLE_SHAPES
from tasks.postgres.values import number

# Below this nobody gains anything by a rebuild.
WORTH_REBUILDING_BYTES = 10 * 2**20


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
