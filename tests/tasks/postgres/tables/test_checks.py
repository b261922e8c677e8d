"""The size of a database, against its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.model import Earlier, Threshold, Verdict
from tasks.postgres.tables.checks import DAY_S, check_database_size
from tasks.postgres.values import number
from tests.conftest import Server
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.counting import MIB, ask


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
