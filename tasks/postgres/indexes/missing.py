"""Which index is missing: read from the plans of the slow statements themselves, not from ratios of counters."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

from tasks.model import Finding, Refused, Row, Threshold
from tasks.postgres.indexes.explain import Explained, Imagined, WholeRead, explain, imagine
from tasks.postgres.indexes.queries import INDEX_PLACE, STATEMENTS_TO_EXPLAIN
from tasks.postgres.page_fill import btree_bytes, shape_of
from tasks.postgres.refusals import quoted
from tasks.postgres.statements.looks import ENOUGH_CALLS, in_schema, statistics_schema
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# So many statements, by total time. Each plan takes a connection and some milliseconds.
EXPLAINED = 20
# Eight megabytes fit every cache and are read in milliseconds.
LARGE_BYTES = 8 * 2**20
# Where more of the table is wanted, the planner reads it whole even beside an index, and rightly so.
FEW_ROWS = 0.05
# Postgres cuts longer names, in silence.
LONGEST_NAME = 63


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An index that a slow statement misses."""

    schema: str
    table: str
    column: str
    place: Row
    statement: Row
    plan: Explained
    imagined: Imagined | None = None

    @property
    def name(self) -> str:
        return index_name(self.table, self.column)

    @property
    def definition(self) -> str:
        return f"CREATE INDEX CONCURRENTLY {quoted(self.name)} ON {self.on};"

    @property
    def on(self) -> str:
        """What is indexed."""
        return f"{quoted(self.schema)}.{quoted(self.table)} ({quoted(self.column)})"

    @property
    def evidence(self) -> Row:
        shown = {key: self.statement[key] for key in ("query", "calls", "total_s", "mean_s")}
        sizes = {key: self.place[key] for key in ("rows", "table_bytes", "index_bytes")}
        return {"table": f"{self.schema}.{self.table}", "column": self.column, **sizes, **shown, **self._costs}

    @property
    def _costs(self) -> Row:
        now: Row = {"plan": self.plan.outline, "cost": self.plan.cost}
        if self.imagined is None:
            return now
        then = self.imagined
        return {**now, "cost_then": then.plan.cost, "plan_then": then.plan.outline, "hypopg_bytes": then.index_bytes}


@dataclass(frozen=True, kw_only=True)
class Unclear:
    """A slow statement for which no index can be named, and why."""

    statement: Row
    why: str
    outline: str = ""

    @property
    def evidence(self) -> Row:
        shown = {key: self.statement[key] for key in ("query", "calls", "total_s", "mean_s")}
        return {**shown, "why": self.why, "plan": self.outline}


def index_name(table: str, column: str) -> str:
    """The same name for the same column every time, so that a broken-off build is found again."""
    name = f"{table}_{column}_incident"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    mark = hashlib.sha256(f"{table}\0{column}".encode()).hexdigest()[:8]
    cut = f"{table}_{column}".encode()[: LONGEST_NAME - len("__incident") - len(mark)].decode(errors="ignore")
    return f"{cut}_{mark}_incident"


def missing_indexes(postgres: PostgresServer, mean: Threshold) -> tuple[list[Candidate], list[Unclear]]:
    """The indexes that statements slow at least once miss now, and the statements of which it cannot be told.

    Raises:
        Refused: statements cannot be seen.
    """
    schema = statistics_schema(postgres)
    if isinstance(schema, Finding):
        raise Refused(schema.says, remedy=schema.remedy)
    statements = postgres.rows(
        in_schema(STATEMENTS_TO_EXPLAIN, schema), at_least_s=mean.warn, calls=ENOUGH_CALLS, most=EXPLAINED
    )
    candidates: dict[tuple[str, str, str], Candidate] = {}
    unclear: list[Unclear] = []
    for statement in statements:
        plan = explain(postgres, str(statement["statement"]))
        if isinstance(plan, str):
            unclear.append(Unclear(statement=statement, why=plan))
            continue
        for read in plan.whole_reads:
            found = _judge(postgres, statement, plan, read)
            if isinstance(found, Candidate):
                candidates.setdefault((found.schema, found.table, found.column), found)
            elif found:
                unclear.append(found)
    return list(candidates.values()), unclear


def _judge(postgres: PostgresServer, statement: Row, plan: Explained, read: WholeRead) -> Candidate | Unclear | None:
    """None: reading this table whole is right, or costs nothing."""
    places = [(column, _place(postgres, read, column)) for column in read.columns]
    known = [(column, place) for column, place in places if place is not None]
    if not known:
        return None
    # The most selective column.
    column, place = max(known, key=lambda one: number(one[1]["distinct_values"]))
    if number(place["table_bytes"]) < LARGE_BYTES or place["temporary"]:
        return None
    if read.rows > FEW_ROWS * max(number(place["rows"]), 1):
        return None
    where = f"{read.schema}.{read.table}"
    why = ""
    if place["partitioned"]:
        why = f"{where} is partitioned: build the index on each partition, then on the parent with ON ONLY, and attach."
    elif number(place["namesakes"]) > 1 and quoted_or_plain(read.schema) not in str(statement["statement"]):
        why = f"There are several tables {read.table}, and the statement does not say in which schema."
    elif place["indexed"]:
        why = f"{where} has an index on {column}, and the planner does not use it. ANALYZE, or rewrite the statement."
    if why:
        return Unclear(statement=statement, why=why, outline=plan.outline)
    return _imagined(
        postgres,
        Candidate(schema=read.schema, table=read.table, column=column, place=place, statement=statement, plan=plan),
    )


def _imagined(postgres: PostgresServer, one: Candidate) -> Candidate | Unclear:
    """With what the planner says to it, where the server can imagine indexes."""
    imagined = imagine(postgres, str(one.statement["statement"]), f"CREATE INDEX ON {one.on}")
    if imagined is None:
        return one
    if imagined.plan.cost < one.plan.cost:
        return dataclasses.replace(one, imagined=imagined)
    why = f"Even with an index on {one.column} of {one.schema}.{one.table} the planner would not use it (hypopg)."
    return Unclear(statement=one.statement, why=why, outline=one.plan.outline)


def quoted_or_plain(schema: str) -> str:
    """How a statement names this schema before a table."""
    return f"{schema if schema.isidentifier() and schema.islower() else quoted(schema)}."


def _place(postgres: PostgresServer, read: WholeRead, column: str) -> Row | None:
    # As the acting role: pg_stats shows only what one may read, and the right to build is that role's.
    rows = postgres.rows_as_actor(
        INDEX_PLACE, schema=read.schema, table=read.table, column=column, name=index_name(read.table, column)
    )
    if not rows:
        return None
    shape = shape_of(rows[0])
    return {**rows[0], "index_bytes": btree_bytes(shape) if shape else None}
