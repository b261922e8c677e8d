"""Large tables that are read whole, counted from look to look."""

from __future__ import annotations

import re

import pytest

from tasks.model import Earlier, Finding, Verdict
from tasks.postgres.indexes import checks
from tasks.postgres.indexes.checks import check_sequential_scans
from tasks.postgres.indexes.queries import TABLE_SCANS
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

NAME = '"We ""ird.%s"'


def scans(stage: Stage) -> float:
    return sum(number(row["scans"]) for row in keeper(stage).rows(TABLE_SCANS, at_least=2**16))


def test_it_counts_whole_reads_since_the_last_look(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LARGE_BYTES", 2**16)
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE TABLE {NAME} (id int, note text)")
    stage.admin(f"INSERT INTO {NAME} SELECT n, 'a note' FROM generate_series(1, 20000) n")  # noqa: S608
    stage.admin(f"VACUUM (ANALYZE) {NAME}")
    first = check_sequential_scans.fn(keeper(stage))
    assert first.says == "1 large table; from now on it is counted how often they are read whole."
    before = scans(stage)
    session = stage.session("web")
    for _ in range(5):
        session.execute(f"SELECT count(*) FROM {NAME}".encode())  # noqa: S608
    session.close()
    until(lambda: scans(stage) >= before + 5, "the scans are counted")

    found: Finding = check_sequential_scans.fn(keeper(stage), earlier=Earlier(at_s=0, value=0, facts=first.facts))

    # Five in less than a minute count as five a minute.
    assert found.value is not None
    assert found.value >= 300
    assert found.verdict is Verdict.WARN
    assert re.search(r'"We ""ird\.%s" is read whole [\d,]+ times an hour since the last look\.$', found.says)
