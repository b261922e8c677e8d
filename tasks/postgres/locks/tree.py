"""A jam as people read it: a tree, a line for each session, right below the one that it waits for."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from tasks.model import Row
from tasks.postgres.locks.jam import Jam, node_of
from tasks.postgres.words import asked, paused, prepared, session

# A queue of a thousand is read by nobody.
MOST = 100

SHOWN = (
    "pid", "backend_start", "user", "application", "client", "database", "backend_type", "state", "query",
    "query_start", "transaction_s", "gid",
)  # fmt: skip


def as_rows(jam: Jam, touched: Collection[object] | None = None) -> list[Row]:
    """The tree, heads first; the first MOST of it. With `touched` each says whether its process is among those."""
    return [_line(jam, depth, row, touched) for depth, row in islice(jam.tree(), MOST)]


def _line(jam: Jam, depth: int, row: Row, touched: Collection[object] | None) -> Row:
    node = node_of(row)
    waits = bool(jam.blockers[node])
    who = prepared(row) if row["gid"] is not None else session(row)
    return {
        "queue": f"{'└' + '─' * depth + ' ' if depth else ''}{who}",
        "waits_for": asked(row) if row["mode"] else paused(row),
        "waited_s": row["waited_s"] if waits else None,
        "frees": jam.frees(node),
        **({} if touched is None else {"touched": row["pid"] in touched}),
        **{key: row[key] for key in SHOWN},
    }
