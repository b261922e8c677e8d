"""What is counted of memory and log, against truths known otherwise."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tasks.check import Check
from tasks.model import Earlier, Json, Verdict
from tasks.postgres import counters
from tasks.postgres.counters import SUSTAINED_S, sustained
from tasks.postgres.server import checks
from tasks.postgres.server.checks import check_cache_hits, check_checkpoints, check_temp_files, check_wal_rate
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.counting import MIB, ONE, ask, counted

COUNTING = (check_cache_hits, check_temp_files, check_checkpoints, check_wal_rate)


@pytest.mark.parametrize("asked", COUNTING, ids=lambda asked: asked.name)
@pytest.mark.parametrize(
    "changed",
    [
        {"server": "another:5432/app"},
        {"counting": "counted since another start"},
        {"hit": 1e15, "temp_bytes": 1e15, "requested": 1e9, "wal_bytes": 1e18},
        {"at_s": 4e9},
    ],
    ids=["another server", "reset", "counters fell", "the clock was set back"],
)
def test_it_begins_anew_where_nothing_can_be_compared(
    stage18: Stage, asked: Check[Any], changed: dict[str, Json]
) -> None:
    first = ask(stage18, asked)
    told = {**first.facts, "hit": 0, "read": 0, "temp_bytes": 0, "requested": 0, "wal_bytes": 0, "bad_since_s": 1.0}

    found = asked.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts={**told, **changed}))

    assert found.verdict is Verdict.OK
    assert "from now on" in found.says.lower()


@pytest.mark.parametrize(
    ("since_s", "over_s", "verdict"),
    [
        (None, 300.0, Verdict.WARN),
        (None, SUSTAINED_S, Verdict.BAD),
        (10_000 - SUSTAINED_S + 1, 300.0, Verdict.WARN),
        (10_000 - SUSTAINED_S, 300.0, Verdict.BAD),
    ],
)
def test_it_is_bad_only_when_it_stays_so(since_s: float | None, over_s: float, verdict: Verdict) -> None:
    found, _ = sustained(Verdict.BAD, 10_000.0, over_s, {"bad_since_s": since_s})
    assert found is verdict
    assert sustained(Verdict.WARN, 10_000.0, over_s, {"bad_since_s": 1.0}) == (Verdict.WARN, None)


def test_it_counts_what_explain_says_was_read(stage: Stage) -> None:
    # Twice the shared buffers, so that it never fits.
    stage.admin("CREATE TABLE big AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 60000) n")
    stage.admin("VACUUM ANALYZE big")
    first = ask(stage, check_cache_hits)
    read = 0
    with psycopg.connect(stage.admin_url, autocommit=True) as session:
        session.execute("SET max_parallel_workers_per_gather = 0")
        for _ in range(2):
            plan = session.execute("EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM big").fetchall()
            told = next(line for (line,) in plan if "Buffers:" in line)
            read += int(re.search(r"read=(\d+)", told)[1])  # type: ignore[index]

    more = counted(stage, check_cache_hits, first, "read", read)
    found = ask(stage, check_cache_hits, first)

    assert read > 10_000
    # The catalogs' own pages come on top.
    assert read <= more <= 1.02 * read
    assert found.value is not None
    assert found.value < 0.6
    # It has just begun.
    assert found.verdict is Verdict.WARN
    assert "came from outside" in found.says


def test_it_does_not_judge_a_cache_by_a_handful_of_pages(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(stage18, check_cache_hits)
    facts = {**first.facts, "read": number(first.facts["read"]) - 9_000, "hit": first.facts["hit"]}
    found = check_cache_hits.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts=facts))
    assert found.verdict is Verdict.OK

    monkeypatch.setattr(checks, "ENOUGH_BLOCKS", 9_000)
    long_ago = {**facts, "at_s": number(facts["at_s"]) - SUSTAINED_S}
    assert check_cache_hits.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts=long_ago)).verdict is Verdict.BAD


def test_it_does_not_blame_the_cache_while_a_dump_runs(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ENOUGH_BLOCKS", 1)
    first = ask(stage18, check_cache_hits)
    facts = {**first.facts, "read": number(first.facts["read"]) - 50_000, "at_s": number(first.facts["at_s"]) - 9_000}
    stage18.session("pg_dump")

    found = check_cache_hits.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts=facts))

    assert found.verdict is Verdict.WARN
    assert found.says.endswith("; a dump is running.")


def test_it_counts_what_explain_says_was_spilled_and_names_who(stage: Stage) -> None:
    stage.admin("CREATE EXTENSION pg_stat_statements")
    first = ask(stage, check_temp_files)
    sort = "SELECT n, md5(n::text) FROM generate_series(1, 100000) n WHERE n::text <> 'hunter2' ORDER BY 2"
    with psycopg.connect(stage.admin_url, autocommit=True) as session:
        session.execute("SET work_mem = '64kB'")
        plan = session.execute(f"EXPLAIN (ANALYZE) {sort}").fetchall()
        told = next(line for (line,) in plan if "external merge" in line)
        disk = 1024 * int(re.search(r"Disk: (\d+)kB", told)[1])  # type: ignore[index]

    # The function's own result is spilled as well: 100,000 rows of some 20 bytes.
    more = counted(stage, check_temp_files, first, "temp_bytes", disk)
    found = ask(stage, check_temp_files, first, per_hour=ONE)

    assert disk <= more <= 2.5 * disk
    assert found.verdict is Verdict.WARN
    assert "generate_series" in str(found.rows[0]["query"])
    assert "generate_series" in found.says
    assert "hunter2" not in str(found)


def test_it_counts_temp_files_without_the_statistics(stage18: Stage) -> None:
    found = ask(stage18, check_temp_files, ask(stage18, check_temp_files))

    assert found.verdict is Verdict.OK
    assert re.sub(r"\d+ s", "N", found.says) == (
        "Nothing was spilled to disk in the last N (bad from 100 GiB an hour; work_mem is 4MB)."
    )


def test_it_counts_forced_checkpoints(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "SHORTEST_LOOK_S", 300.0)
    first = ask(stage, check_checkpoints)
    for _ in range(2):
        stage.admin("CHECKPOINT")
    assert counted(stage, check_checkpoints, first, "requested", 2) == 2
    # Two may be a backup and its operator.
    assert ask(stage, check_checkpoints, first).value == 0

    stage.admin("CHECKPOINT")
    assert counted(stage, check_checkpoints, first, "requested", 3) == 3
    found = ask(stage, check_checkpoints, first)

    assert found.value == pytest.approx(36)
    assert found.verdict is Verdict.WARN
    assert found.says.startswith("3 checkpoints forced and 0 by the clock in the last ")
    assert found.says.endswith(" s (bad from one every 30 s); max_wal_size is 1.0 GiB.")


def test_it_counts_the_log_that_is_written(stage: Stage) -> None:
    first = ask(stage, check_wal_rate)
    # One message of a MiB each, and some bytes of header.
    stage.admin(f"SELECT pg_logical_emit_message(true, 't', repeat('x', {MIB})) FROM generate_series(1, 12)")  # noqa: S608

    found = ask(stage, check_wal_rate, first)

    more = number(found.facts["wal_bytes"]) - number(first.facts["wal_bytes"])
    assert 12 * MIB <= more <= 12.5 * MIB
    # So much in less than a minute counts as so much a minute.
    assert found.value == pytest.approx(60 * more)
    assert ask(stage, check_wal_rate, first, per_hour=ONE).verdict is Verdict.WARN


def test_it_looks_at_checkpoints_where_that_version_keeps_them(stage: Stage) -> None:
    assert checks.OWN_VIEW == 170000
    assert number(ask(stage, check_checkpoints).facts["requested"]) >= 0
