"""Changes that take minutes or hours: done while saying where they are."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from tasks.how_far import Progress, watched
from tasks.model import Row
from tasks.postgres.queries import LONG_ACT
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import span

# Where in the whole each phase lies, by what it reads and writes: a concurrent build reads the table twice, VACUUM the
# table once and its indexes each. Rough, and made so that it does not run backwards.
PHASES: Mapping[str, tuple[float, float]] = {
    "building index: scanning table": (0.0, 0.4),
    "building index: sorting live tuples": (0.4, 0.45),
    "building index: loading tuples in tree": (0.45, 0.6),
    "waiting for writers before validation": (0.6, 0.6),
    "index validation: scanning index": (0.6, 0.7),
    "index validation: sorting tuples": (0.7, 0.75),
    "index validation: scanning table": (0.75, 0.95),
    "waiting for old snapshots": (0.95, 0.95),
    "waiting for readers before marking dead": (0.97, 0.97),
    "waiting for readers before dropping": (0.99, 0.99),
    "seq scanning heap": (0.0, 0.6),
    "swapping relation files": (0.6, 0.6),
    "rebuilding index": (0.6, 0.95),
    "scanning heap": (0.0, 0.5),
    "vacuuming indexes": (0.5, 0.5),
    "vacuuming heap": (0.75, 0.9),
    "cleaning up indexes": (0.9, 0.9),
    "truncating heap": (0.95, 0.95),
    "performing final cleanup": (0.99, 0.99),
}


def act_on_table(postgres: PostgresServer, line: str, schema: str, table: str) -> None:
    """`act_at_length` for an index build or a VACUUM of this table; whoever listens is told where it is.

    Raises:
        CannotLook, Refused: it failed, or did not end in time; then it may or may not have happened.
    """
    with watched(functools.partial(where, postgres, schema, table)):
        postgres.act_at_length(line)


def where(postgres: PostgresServer, schema: str, table: str) -> Progress | None:
    """Where our own work on this table is. None: nothing is under way, or nothing that reports.

    Raises:
        CannotLook, Refused: it cannot be seen.
    """
    rows = postgres.rows(LONG_ACT, schema=schema, table=table)
    if not rows:
        return None
    row = rows[0]
    total, done = number(row["total"]), number(row["done"])
    of_phase = min(done / total, 1.0) if total else 0.0
    begins, ends = PHASES.get(str(row["phase"]), (0.0, 0.0))
    return Progress(says=_says(row, schema, table, of_phase), share=begins + (ends - begins) * of_phase)


def _says(row: Row, schema: str, table: str, of_phase: float) -> str:
    index = f" {row['index']}" if row["index"] else ""
    what = f"{row['command']}{index} of {schema}.{table}, {row['phase']}"
    for_s = span(number(row["for_s"]))
    if row["waits_for"]:
        who = f"pid {row['waits_for']} ({row['waits_for_name']})"
        return f"{what}: now for {who}, in a transaction for {span(number(row['transaction_s']))}; {for_s} so far."
    if not row["total"]:
        return f"{what}; {for_s} so far."
    return f"{what}: {of_phase:.0%} of {number(row['total']):,.0f} {row['unit']}; {for_s} so far."
