"""Does autovacuum come? Against tables that are known to need it, and workers that are known to be busy."""

from __future__ import annotations

import re

import pytest

from tasks.model import Verdict
from tasks.postgres.vacuum.checks import check_autovacuum
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged, until


def full(stage: Stage, name: str, rows: int = 12_000) -> None:
    """A table far beyond its own trigger; VACUUM has never come."""
    stage.admin(f"CREATE TABLE {name} (n int) WITH (autovacuum_enabled = off)")
    stage.admin(f"INSERT INTO {name} SELECT generate_series(1, {rows}); ANALYZE {name}")
    stage.admin(f"DELETE FROM {name} WHERE n <= {rows * 3 // 4}")  # noqa: S608
    until(
        lambda: stage.admin("SELECT 1 FROM pg_stat_user_tables WHERE n_dead_tup >= 9000"), "the dead rows are counted"
    )


def test_it_counts_the_tables_that_wait_for_autovacuum(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    full(stage, '"We""ird.%s"')
    # Since the server's start: not yet a day, however long the tests have run.
    monkeypatch.setattr("tasks.postgres.vacuum.checks.AUTOVACUUM_COMES_S", 86_400.0)
    assert check_autovacuum.fn(stage.door()).verdict is Verdict.OK
    monkeypatch.setattr("tasks.postgres.vacuum.checks.AUTOVACUUM_COMES_S", 0.0)

    found = check_autovacuum.fn(stage.door())

    assert found.verdict is Verdict.WARN
    assert found.value == 1
    # 9,000 of 50 + 20 % of 12,000.
    assert 'the worst public.We"ird.%s at 3.7 times what makes it come; 0 of 3 workers are busy.' in found.says, (
        found.says
    )


def test_it_heeds_a_tables_own_trigger(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.postgres.vacuum.checks.AUTOVACUUM_COMES_S", 0.0)
    full(stage, "patient")
    stage.admin("ALTER TABLE patient SET (autovacuum_vacuum_scale_factor = 0.9)")

    assert check_autovacuum.fn(stage.door()).verdict is Verdict.OK


def test_it_says_that_autovacuum_is_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.postgres.vacuum.checks.AUTOVACUUM_COMES_S", 0.0)
    stage.admin("ALTER SYSTEM SET autovacuum = off")
    try:
        stage.admin("SELECT pg_reload_conf()")
        until(lambda: stage.admin("SHOW autovacuum") == [("off",)], "autovacuum is off")
        idle = check_autovacuum.fn(stage.door())
        full(stage, "t")
        needed = check_autovacuum.fn(stage.door())
    finally:
        stage.admin("ALTER SYSTEM RESET autovacuum")
        stage.admin("SELECT pg_reload_conf()")

    assert idle.verdict is Verdict.WARN
    assert needed.verdict is Verdict.BAD
    assert needed.says.endswith("; autovacuum is switched off.")


def test_it_sees_that_all_workers_are_busy(postgres18: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.postgres.vacuum.checks.AUTOVACUUM_COMES_S", 0.0)
    # One worker, which rests for seconds after each page.
    slow = {"autovacuum_max_workers": "1", "autovacuum_naptime": "1s"}
    slow |= {"autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1"}
    with own_server(postgres18.cluster.bin, slow) as server, staged(server) as stage:
        # Hundreds of pages: minutes.
        full(stage, "first", rows=120_000)
        stage.admin("ALTER TABLE first RESET (autovacuum_enabled)")
        until(lambda: stage.admin("SELECT 1 FROM pg_stat_progress_vacuum WHERE relid = 'first'::regclass"), "busy")
        full(stage, "second")
        found = check_autovacuum.fn(stage.door())

    assert found.verdict is Verdict.BAD
    assert re.sub(r"\d+ s\.$", "N.", found.says) == (
        "1 table waits for autovacuum for too long (bad from 10), the worst public.second at 3.7 times what makes it "
        "come; each of its workers (1) has been busy for N."
    )
