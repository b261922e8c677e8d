"""Counters and sizes against truths known otherwise; healthy servers raise nothing, and the blind say so."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments.cluster import binaries
from tasks.check import Check
from tasks.model import Earlier, Finding, Json, Threshold, Verdict
from tasks.postgres.replication.checks import check_replication_lag
from tasks.postgres.server import checks, counters
from tasks.postgres.server.checks import (
    CACHE_HITS,
    CHECKPOINT_RATE,
    TEMP_RATE,
    WAL_RATE,
    check_cache_hits,
    check_checkpoints,
    check_temp_files,
    check_wal_rate,
)
from tasks.postgres.server.counters import SUSTAINED_S, sustained
from tasks.postgres.tables.checks import DAY_S, TIME_LEFT, check_database_size
from tasks.postgres.vacuum.age import TRANSACTION_AGE, check_transaction_age
from tasks.postgres.vacuum.checks import check_autovacuum
from tasks.postgres.values import number
from tasks.program import run
from tests.conftest import Server
from tests.tasks.postgres.condition import CONDITION
from tests.tasks.postgres.conftest import Stage, until

MIB = 2**20
COUNTING = (check_cache_hits, check_temp_files, check_checkpoints, check_wal_rate)
ONE = Threshold(warn=1, bad=2, because="Owner: this test.")


def ask(stage: Stage, asked: Check[Any], earlier: Finding | None = None, **given: object) -> Finding:
    if earlier is not None:
        given["earlier"] = Earlier(at_s=0, value=0, facts=earlier.facts)
    return asked.fn(stage.door(), **given)


def counted(stage: Stage, asked: Check[Any], first: Finding, name: str, least: float) -> float:
    """What the check counted since `first`, once all of it has arrived: servers report with a delay."""

    def more() -> float:
        return number(ask(stage, asked, first).facts[name]) - number(first.facts[name])

    until(lambda: more() >= least, f"{name} grows by {least:,.0f}")
    return more()


@pytest.mark.parametrize("asked", CONDITION, ids=lambda asked: asked.name)
def test_it_raises_nothing_on_a_healthy_server(stage: Stage, asked: Check[Any]) -> None:
    first = ask(stage, asked)
    assert first.verdict is Verdict.OK, first.says
    # Or the next look would have nothing to compare with.
    assert first.value is not None
    if _compares(asked):
        again = ask(stage, asked, first)
        assert again.verdict is Verdict.OK, again.says


def test_it_raises_nothing_on_a_busy_but_healthy_server(stage: Stage) -> None:
    stage.admin("GRANT CREATE ON SCHEMA public TO app")
    bench = str(binaries() / "pgbench")
    environment = stage.door().drill_environment()
    run([bench, "--initialize", "--quiet"], limit_s=60, environment=environment)
    first = {asked: ask(stage, asked) for asked in CONDITION}

    def work() -> None:
        run([bench, "--client=2", "--time=4"], limit_s=60, environment=environment)

    load = threading.Thread(target=work)
    load.start()
    try:
        until(lambda: stage.admin("SELECT 1 FROM pgbench_history LIMIT 1"), "it is busy")
        during = {asked.name: ask(stage, asked, first[asked]) for asked in CONDITION if _compares(asked)}
        during |= {asked.name: ask(stage, asked) for asked in CONDITION if not _compares(asked)}
    finally:
        load.join()

    assert {name: found.says for name, found in during.items() if found.verdict} == {}


def _compares(asked: Check[Any]) -> bool:
    return "earlier" in asked.fn.__annotations__


@pytest.mark.parametrize("asked", CONDITION, ids=lambda asked: asked.name)
def test_it_raises_nothing_on_an_empty_database(stage18: Stage, asked: Check[Any]) -> None:
    stage18.admin("DROP TABLE leads")
    assert ask(stage18, asked).verdict is Verdict.OK


@pytest.mark.parametrize(
    "asked",
    [check_replication_lag, check_transaction_age, check_database_size, check_autovacuum],
    ids=lambda asked: asked.name,
)
def test_it_is_unknown_to_a_role_that_may_not_see(stage: Stage, asked: Check[Any]) -> None:
    found = asked.fn(stage.door("nobody_special"))

    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "GRANT pg_monitor TO nobody_special;"


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (CACHE_HITS, 0.96, Verdict.OK),
        (CACHE_HITS, 0.95, Verdict.WARN),
        (CACHE_HITS, 0.8, Verdict.BAD),
        (TEMP_RATE, 10 * 2**30 - 1, Verdict.OK),
        (TEMP_RATE, 100 * 2**30, Verdict.BAD),
        (CHECKPOINT_RATE, 11, Verdict.OK),
        (CHECKPOINT_RATE, 12, Verdict.WARN),
        (CHECKPOINT_RATE, 120, Verdict.BAD),
        (WAL_RATE, 36_000 * MIB - 1, Verdict.OK),
        (WAL_RATE, 180_000 * MIB, Verdict.BAD),
        (TRANSACTION_AGE, 499_999_999, Verdict.OK),
        (TRANSACTION_AGE, 500_000_000, Verdict.WARN),
        (TRANSACTION_AGE, 1_000_000_000, Verdict.BAD),
        (TIME_LEFT, 31 * DAY_S, Verdict.OK),
        (TIME_LEFT, 30 * DAY_S, Verdict.WARN),
        (TIME_LEFT, 7 * DAY_S, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because


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


def test_it_counts_transactions(stage: Stage) -> None:
    first = ask(stage, check_transaction_age)
    stage.admin("DO $$ BEGIN FOR n IN 1..2000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$")

    found = ask(stage, check_transaction_age, first)

    assert found.value is not None
    assert first.value is not None
    # Somebody else's transactions may come on top; our own questions take none.
    assert 2000 <= found.value - first.value <= 2020
    assert number(found.facts["next"]) - number(first.facts["next"]) == found.value - first.value
    assert found.unit == "transactions"


def test_it_tells_how_long_the_numbers_last(stage18: Stage) -> None:
    first = ask(stage18, check_transaction_age)
    # A million an hour for the last hour.
    facts = {
        **first.facts,
        "at_s": number(first.facts["at_s"]) - 3600,
        "next": number(first.facts["next"]) - 1_000_000,
    }
    found = check_transaction_age.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts=facts))

    assert re.search(r"after another 2,144,\d{3},\d{3}, in 89 days at the present pace\.$", found.says)


def test_it_measures_the_database_as_its_files_are(stage: Stage, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(request.node.callspec.params["stage"])
    stage.admin('CREATE TABLE "We""ird.%s" AS SELECT n, repeat(\'x\', 500) AS t FROM generate_series(1, 20000) n')
    stage.admin("VACUUM ANALYZE")
    stage.admin("CHECKPOINT")
    oid = stage.admin("SELECT oid FROM pg_database WHERE datname = current_database()")[0][0]
    folder = Path(server.cluster.folder) / "base" / str(oid)

    found = ask(stage, check_database_size)

    files = sum(entry.stat().st_size for entry in os.scandir(folder))
    assert found.value == pytest.approx(files, rel=0.01)
    assert 'the largest table is public.We"ird.%s with 1' in found.says
    stage.admin('INSERT INTO "We""ird.%s" SELECT n, repeat(\'x\', 500) FROM generate_series(1, 20000) n')
    grown = ask(stage, check_database_size, found).rows[0]["grown_bytes"]
    assert 10 * MIB <= number(grown) <= 13 * MIB


def test_it_tells_when_the_plans_limit_is_reached(stage18: Stage) -> None:
    first = ask(stage18, check_database_size)
    bytes_, at_s = number(first.value), number(first.facts["looks"][0][0])  # type: ignore[index]
    # A MiB a day for ten days, and one import in between.
    looks = [[at_s - day * DAY_S, bytes_ - day * MIB - (50 * MIB if day > 5 else 0)] for day in range(10, 0, -1)]
    facts = {**first.facts, "looks": looks}
    limit = Threshold(warn=bytes_ + 4 * MIB, bad=bytes_ + 5 * MIB, because="Owner: this test.")
    found = check_database_size.fn(stage18.door(), limit, earlier=Earlier(at_s=0, value=0, facts=facts))

    assert found.verdict is Verdict.BAD
    assert " and grows by 1.0 MiB a day (bad from " in found.says
    assert ", 5 days from that)" in found.says


def test_it_measures_although_a_table_is_locked(stage: Stage) -> None:
    stage.admin("ALTER TABLE leads OWNER TO app")
    stage.begins("migration", "LOCK TABLE leads IN ACCESS EXCLUSIVE MODE")

    found = ask(stage, check_database_size)

    assert found.verdict is Verdict.OK
    assert found.rows == []


def test_it_looks_at_checkpoints_where_that_version_keeps_them(stage: Stage) -> None:
    assert checks.OWN_VIEW == 170000
    assert number(ask(stage, check_checkpoints).facts["requested"]) >= 0
