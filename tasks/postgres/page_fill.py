"""How much room rows and index entries need when nothing is wasted: Postgres's own page layout, as arithmetic.

Source of the numbers: storage/bufpage.h, access/htup_details.h, access/itup.h and access/nbtree.h of Postgres 13-18, on
a 64-bit server.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.model import Row

WORD = 8
PAGE_HEADER = 24
LINE_POINTER = 4
HEAP_TUPLE_HEADER = 23
INDEX_TUPLE_HEADER = 8
BTREE_SPECIAL = 16
BTREE_INNER_FILL = 0.7
ROW_ADDRESS = 6
# A sorted build ends a list of equal keys' rows at a tenth of a page.
POSTING_SHARE = 0.1
# Shorter values carry one byte of length and stand anywhere; longer ones are aligned.
SHORT_VALUE = 127
ALIGNMENTS: Mapping[str, int] = {"c": 1, "s": 2, "i": 4, "d": 8}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its average width where it is not NULL, in bytes, and how often it is NULL (0 to 1)."""

    width: float
    nulls: float = 0.0
    align: int = 1


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is stored: how many, how wide, on which pages. `distinct_share`: different keys per entry (0 to 1)."""

    columns: Sequence[Column]
    rows: float
    page_bytes: int = 8192
    fillfactor: float = 1.0
    deduplicates: bool = False
    distinct_share: float = 1.0


def shape_of(row: Row) -> Shape | None:
    """A row of table_shapes.sql or index_shapes.sql. None: of some column nobody told us the width."""
    columns = [_column(one) for one in row["columns"] or ()]  # type: ignore[union-attr]
    known = [one for one in columns if one is not None]
    if not known or len(known) < len(columns):
        return None
    return Shape(
        columns=known,
        rows=float(str(row["rows"])),
        page_bytes=int(str(row["page_bytes"])),
        fillfactor=int(str(row["fillfactor"])) / 100,
        deduplicates=bool(row["deduplicates"]),
        distinct_share=float(str(row["distinct_share"])),
    )


def _column(one: object) -> Column | None:
    if not isinstance(one, Mapping) or one["width"] is None:
        return None
    align = ALIGNMENTS[one["align"]]
    return Column(
        width=one["width"], nulls=one["nulls"], align=1 if one["varies"] and one["width"] < SHORT_VALUE else align
    )


def heap_bytes(shape: Shape) -> int:
    """The pages a table needs for its rows, without TOAST, free space map and visibility map."""
    bitmap = math.ceil(len(shape.columns) / 8) * _any_null(shape.columns)
    row = _aligned(HEAP_TUPLE_HEADER + bitmap) + _aligned(_data(shape.columns)) + LINE_POINTER
    room = shape.page_bytes - PAGE_HEADER
    # A row goes where it leaves the fillfactor's share free; a page holds one in any case.
    per_page = max(1, math.floor((room - shape.page_bytes * (1 - shape.fillfactor)) / row))
    return math.ceil(shape.rows / per_page) * shape.page_bytes


def btree_bytes(shape: Shape) -> int:
    """The pages a B-tree needs when it is built anew."""
    key = INDEX_TUPLE_HEADER + WORD * _any_null(shape.columns) + _data(shape.columns)
    room = shape.page_bytes - PAGE_HEADER - BTREE_SPECIAL - (_aligned(key) + LINE_POINTER)
    leaves = shape.rows * _entry(shape, key) / (room - shape.page_bytes * (1 - shape.fillfactor))
    pages = level = max(1, math.ceil(leaves))
    fan_out = max(2, room * BTREE_INNER_FILL / (_aligned(key) + LINE_POINTER))
    while level > 1:
        level = math.ceil(level / fan_out)
        pages += level
    return (pages + 1) * shape.page_bytes


def _entry(shape: Shape, key: float) -> float:
    """Bytes for one row in a leaf: equal keys share one entry that lists their rows."""
    alone = _aligned(key) + LINE_POINTER
    rows_per_key = 1 / max(shape.distinct_share, 1 / max(shape.rows, 1))
    if not shape.deduplicates or rows_per_key < 2:
        return alone
    listed = max(2, math.floor((shape.page_bytes * POSTING_SHARE - _aligned(key)) / ROW_ADDRESS))
    lists = math.ceil(rows_per_key / listed)
    each = _aligned(key) + _aligned(ROW_ADDRESS * rows_per_key / lists) + LINE_POINTER
    return lists * each / rows_per_key


def _data(columns: Sequence[Column]) -> float:
    """The columns in their order, each where its alignment lets it begin."""
    at = 0.0
    for column in columns:
        begins = math.ceil(at / column.align) * column.align if column.align > 1 else at
        # A NULL takes no room, and no alignment either.
        at += (begins + column.width - at) * (1 - column.nulls)
    return at


def _any_null(columns: Sequence[Column]) -> float:
    """How many of the rows hold a NULL at all, taking the columns as independent."""
    return 1 - math.prod(1 - column.nulls for column in columns)


def _aligned(size: float) -> float:
    return math.ceil(size / WORD) * WORD
