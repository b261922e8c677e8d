"""Bloat: the estimate against the truth, which is what a rebuild leaves."""

from __future__ import annotations

import pytest

from tasks.model import Row, Threshold, Verdict
from tasks.postgres.tables import checks
from tasks.postgres.tables.bloat import index_bloat, table_bloat
from tasks.postgres.tables.checks import INDEX_BLOAT, TABLE_BLOAT, check_index_bloat, check_table_bloat
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

NAME = 'We "ird.%s ü'
INDEX = 'Its "index.%s'
ROWS = 20_000
# How far the estimate may be from the truth, as a part of the size on disk.
ERROR = 0.1

# What real tables look like: narrow and wide, aligned and not, with NULLs, equal values, long texts.
COLUMNS = {
    "numbers": ("id int, big bigint, small smallint, at timestamptz", "n, n, n % 7, now()"),
    "texts": ("id bigint, email text, note text", "n, 'lead-' || n || '@example.com', repeat('x', n % 90)"),
    "nulls": ("id int, a text, b bigint", "n, CASE WHEN n % 2 = 0 THEN 'some text' END, nullif(n % 4, 0)"),
    "equal": ("id int, kind int, state text", "n, n % 50, 'state ' || n % 5"),
    "long": ("id int, body text", "n, repeat(md5(n::text), 20)"),
}
KEYS = {
    "one number": "id",
    "two columns": "id, (id % 100)",
    "an expression": "('key ' || id)",
    "equal keys": "(id % 100)",
    "hardly equal keys": "(id / 3)",
    "partial": "id) WHERE (id % 2 = 0",
    "nothing deduplicated": "((id % 100)::numeric)",
}


def q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def table(stage: Stage, columns: str, values: str) -> None:
    """Twenty thousand rows, counted and analysed when this returns."""
    stage.admin(
        f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; "
        f"CREATE TABLE {q(NAME)} ({columns}) WITH (autovacuum_enabled = false)"
    )
    stage.admin(f"INSERT INTO {q(NAME)} SELECT {values} FROM generate_series(1, {ROWS}) n")  # noqa: S608
    settled(stage)


def deletes(stage: Stage, which: str) -> None:
    stage.admin(f"DELETE FROM {q(NAME)} WHERE {which}")  # noqa: S608
    settled(stage)


def settled(stage: Stage) -> None:
    """VACUUM (ANALYZE), after the sessions before have told what they wrote: it must not be added on top."""
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: not stage.admin(others), "the writing sessions are gone")
    stage.admin(f"VACUUM (ANALYZE) {q(NAME)}")


def size(stage: Stage, name: str) -> int:
    return int(str(stage.admin(f"SELECT pg_relation_size('public.{q(name)}')")[0][0]))


def only(rows: list[Row]) -> Row:
    [row] = rows
    return row


def off(estimate: object, truth: int, whole: int) -> float:
    """The error of what is said to be wasted, as a part of the whole."""
    return abs(float(str(estimate)) - truth) / whole


@pytest.mark.parametrize("kind", COLUMNS)
def test_it_estimates_what_a_table_wastes(stage: Stage, kind: str) -> None:
    table(stage, *COLUMNS[kind])
    fresh = only(table_bloat(keeper(stage), 100_000))
    assert off(fresh["wasted_bytes"], 0, size(stage, NAME)) < ERROR
    deletes(stage, "id % 4 > 0")

    found = only(table_bloat(keeper(stage), 100_000))

    before = size(stage, NAME)
    stage.admin(f"VACUUM FULL {q(NAME)}")
    assert found["ident"] == f"public.{q(NAME)}"
    assert found["size_bytes"] == before
    assert off(found["wasted_bytes"], before - size(stage, NAME), before) < ERROR


@pytest.mark.parametrize("kind", KEYS)
def test_it_estimates_what_an_index_wastes(stage: Stage, kind: str) -> None:
    table(stage, "id int", "n")
    stage.admin(f"SET ROLE app; CREATE INDEX {q(INDEX)} ON {q(NAME)} ({KEYS[kind]})")
    settled(stage)
    fresh = only(index_bloat(keeper(stage), 0))
    assert off(fresh["wasted_bytes"], 0, size(stage, INDEX)) < ERROR
    deletes(stage, "id % 8 > 1")

    found = only(index_bloat(keeper(stage), 0))

    before = size(stage, INDEX)
    stage.admin(f"REINDEX INDEX {q(INDEX)}")
    assert (found["table"], found["index"], found["ident"]) == (NAME, INDEX, f"public.{q(INDEX)}")
    assert off(found["wasted_bytes"], before - size(stage, INDEX), before) < ERROR


def test_it_knows_what_random_writes_leave_free(stage18: Stage) -> None:
    """A B-tree written in no order is a third empty, and that is health, not bloat."""
    table(stage18, "id int", "n")
    stage18.admin(f"SET ROLE app; CREATE INDEX {q(INDEX)} ON {q(NAME)} (md5(id::text))")
    stage18.admin(f"INSERT INTO {q(NAME)} SELECT n FROM generate_series(1, {5 * ROWS}) n")  # noqa: S608
    settled(stage18)

    ratio = float(str(only(index_bloat(keeper(stage18), 0))["ratio"]))

    assert 0.1 < ratio < 0.45
    assert INDEX_BLOAT.judge(ratio) is Verdict.OK


@pytest.mark.parametrize(
    ("limit", "ratio", "verdict"),
    [
        (limit, *case)
        for limit in (INDEX_BLOAT, TABLE_BLOAT)
        for case in ((0.49, Verdict.OK), (0.5, Verdict.WARN), (0.79, Verdict.WARN), (0.8, Verdict.BAD))
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, ratio: float, verdict: Verdict) -> None:
    assert limit.judge(ratio) is verdict
    assert "Owner:" in limit.because


def test_it_says_which_and_how_much(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "WORTH_REBUILDING_BYTES", 100_000)
    table(stage18, "id int", "n")
    stage18.admin(f"SET ROLE app; CREATE INDEX {q(INDEX)} ON {q(NAME)} (id)")
    assert check_table_bloat.fn(keeper(stage18)).says == "1 large table looked at, none is more than 50% waste."
    assert check_index_bloat.fn(keeper(stage18)).verdict is Verdict.OK
    deletes(stage18, "id % 16 > 0")

    tables, indexes = check_table_bloat.fn(keeper(stage18)), check_index_bloat.fn(keeper(stage18))

    # Never BAD, however much it is.
    assert (tables.verdict, indexes.verdict) == (Verdict.WARN, Verdict.WARN)
    assert tables.says == (
        f"1 large table looked at; the worst, public.{q(NAME)}, is 93% waste (looked into from 50%): 1 of 1 MiB."
    )
    assert indexes.says.startswith(f"1 large index looked at; the worst, public.{q(INDEX)}, is 89% waste (")


def test_it_leaves_out_what_is_small_or_never_analysed(stage: Stage) -> None:
    table(stage, "id int", "n")
    stage.admin("SET ROLE app; CREATE TABLE new AS SELECT n FROM generate_series(1, 20000) n")

    assert {row["table"] for row in table_bloat(keeper(stage), 100_000)} == {NAME}
    assert check_table_bloat.fn(keeper(stage)).says == "No large table: none takes 10 MiB."


def test_it_does_not_take_hidden_statistics_for_health(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "WORTH_REBUILDING_BYTES", 100_000)
    table(stage, "id int, note text", "n, 'a note'")

    found = check_table_bloat.fn(stage.door(acts="sees_only"))

    assert found.verdict is Verdict.UNKNOWN
    assert "cannot be told" in found.says
    assert "pg_read_all_data" in found.remedy
