"""Statistics out of date, tables full of dead rows; and what is done about them."""

from __future__ import annotations

import time

import pytest

from tasks.model import BlastRadius, Refused, Threshold, Verdict
from tasks.postgres.indexes.checks import SCAN_RATE
from tasks.postgres.vacuum import actions, checks
from tasks.postgres.vacuum.actions import AnalyzeTable, VacuumTable
from tasks.postgres.vacuum.checks import ANALYZE_LAG, VACUUM_LAG, check_dead_rows, check_stale_statistics
from tasks.postgres.vacuum.queries import TABLE_CARE
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

NAME = '"We ""ird.%s"'


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (SCAN_RATE, 59, Verdict.OK),
        (SCAN_RATE, 60, Verdict.WARN),
        (ANALYZE_LAG, 1.9, Verdict.OK),
        (ANALYZE_LAG, 2, Verdict.WARN),
        (ANALYZE_LAG, 4.9, Verdict.WARN),
        (ANALYZE_LAG, 5, Verdict.BAD),
        (VACUUM_LAG, 1.9, Verdict.OK),
        (VACUUM_LAG, 2, Verdict.WARN),
        (VACUUM_LAG, 4.9, Verdict.WARN),
        (VACUUM_LAG, 5, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_every_limit(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because


def table(stage: Stage, automatic: bool = False) -> None:
    """Twenty thousand rows, analysed; autovacuum would spoil the test unless it is about that."""
    off = "" if automatic else "WITH (autovacuum_enabled = false)"
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE TABLE {NAME} (id int, note text) {off}")
    stage.admin(f"INSERT INTO {NAME} SELECT n, 'a note' FROM generate_series(1, 20000) n")  # noqa: S608
    stage.admin(f"VACUUM (ANALYZE) {NAME}")


def care(stage: Stage) -> dict[str, float]:
    rows = [row for row in keeper(stage).rows(TABLE_CARE, at_least=0) if "ird" in str(row["table"])]
    return {key: number(rows[0][key]) for key in ("changed", "dead", "analyze_lag", "vacuum_lag")}


def deletes(stage: Stage, rows: int) -> None:
    """So many dead and changed rows, counted when this returns."""
    stage.admin(f"DELETE FROM {NAME} WHERE id <= {rows}")  # noqa: S608
    until(lambda: care(stage)["dead"] >= rows, "the dead rows are counted")


def test_it_says_nothing_of_healthy_tables(stage: Stage) -> None:
    table(stage)

    for asked, what in ((check_stale_statistics, "its statistics"), (check_dead_rows, "VACUUM")):
        found = asked.fn(keeper(stage))
        assert found.verdict is Verdict.OK
        assert found.says == f"No table is behind with {what} (bad from 5 times what makes autovacuum come)."


def test_it_counts_in_what_makes_autovacuum_come(stage: Stage) -> None:
    table(stage)
    deletes(stage, 6000)

    # 50 + 10 % and 50 + 20 % of 20,000 rows.
    assert care(stage)["analyze_lag"] == pytest.approx(6000 / 2050)
    assert care(stage)["vacuum_lag"] == pytest.approx(6000 / 4050)
    assert check_stale_statistics.fn(keeper(stage)).verdict is Verdict.WARN
    assert check_dead_rows.fn(keeper(stage)).verdict is Verdict.OK


def test_it_heeds_a_tables_own_settings(stage: Stage) -> None:
    table(stage)
    stage.admin(f"ALTER TABLE {NAME} SET (autovacuum_analyze_scale_factor = 1, autovacuum_analyze_threshold = 0)")
    deletes(stage, 6000)

    assert care(stage)["analyze_lag"] == pytest.approx(6000 / 20000)


def test_it_is_bad_where_autovacuum_is_off(stage: Stage) -> None:
    table(stage)
    stage.admin(
        f"ALTER TABLE {NAME} SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)"
    )
    deletes(stage, 11000)

    for asked in (check_stale_statistics, check_dead_rows):
        found = asked.fn(keeper(stage))
        assert found.verdict is Verdict.BAD
        assert found.says.endswith("times what makes autovacuum come (bad from 5); autovacuum is switched off for it.")


def test_it_gives_autovacuum_time(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    table(stage18)
    deletes(stage18, 15000)
    assert check_stale_statistics.fn(keeper(stage18)).verdict is Verdict.BAD
    stage18.admin(f"ALTER TABLE {NAME} RESET (autovacuum_enabled)")

    assert check_stale_statistics.fn(keeper(stage18)).verdict < Verdict.BAD

    monkeypatch.setattr(checks, "AUTOVACUUM_COMES_S", 0.0)
    assert checks._cared(Verdict.BAD, {"automatic": True, "analyzed_s": 1.0, "seen": True}, "analyzed_s", "seen") is (
        Verdict.BAD
    )


@pytest.mark.parametrize("action", [AnalyzeTable(), VacuumTable()])
def test_it_looks_after_exactly_that_table(stage: Stage, action: AnalyzeTable | VacuumTable) -> None:
    table(stage)
    deletes(stage, 15000)
    postgres = keeper(stage)
    plan = action.plan(postgres)
    assert action.applied(postgres, plan) is False
    assert action.plan(postgres).effect == plan.effect

    outcome = action.apply(postgres, plan)

    verb = "ANALYZE" if isinstance(action, AnalyzeTable) else "VACUUM (ANALYZE)"
    assert [command.line for command in plan.commands] == [f'{verb} "public".{NAME};']
    assert plan.blast_radius == BlastRadius(touched=1, total=1, noun="large tables")
    assert outcome.complete
    assert action.applied(postgres, plan) is True
    asked = check_stale_statistics if isinstance(action, AnalyzeTable) else check_dead_rows
    until(lambda: asked.fn(postgres).verdict is Verdict.OK, "the question that found it is answered OK")


@pytest.mark.parametrize(("late_s", "complete"), [(0.5, True), (60, False)])
def test_it_waits_for_a_server_that_hears_of_it_a_moment_later(
    stage18: Stage, monkeypatch: pytest.MonkeyPatch, late_s: float, complete: bool
) -> None:
    """As Postgres up to 14 does, whose statistics come from another process; a server that never says so is told."""
    table(stage18)
    deletes(stage18, 15000)
    monkeypatch.setattr(actions, "HEARD_WITHIN_S", 2.0 if complete else 0.2)
    plan = AnalyzeTable().plan(keeper(stage18))
    now, done = time.monotonic, actions._done
    heard_at = now() + late_s
    monkeypatch.setattr(actions, "_done", lambda *looked: now() > heard_at and done(*looked))

    assert AnalyzeTable().apply(keeper(stage18), plan).complete is complete


@pytest.mark.parametrize("action", [AnalyzeTable(), VacuumTable()])
def test_it_refuses_what_postgres_would_skip_in_silence(stage: Stage, action: AnalyzeTable | VacuumTable) -> None:
    table(stage)
    deletes(stage, 15000)

    with pytest.raises(Refused) as caught:
        action.plan(stage.door(acts="sees_only"))

    assert caught.value.remedy.startswith("GRANT app TO sees_only;")


def test_it_needs_nothing_done_when_all_is_well(stage18: Stage) -> None:
    assert AnalyzeTable().plan(keeper(stage18)).does == "Nothing to do: no table needs ANALYZE now."
