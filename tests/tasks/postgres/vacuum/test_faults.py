"""The fault makes VACUUM work in vain, and leaves nothing behind whatever was done in between."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.model import Refused, Threshold, Verdict
from tasks.postgres.vacuum.actions import EndVacuumHolders
from tasks.postgres.vacuum.checks import check_dead_rows, check_vacuum_held_back
from tasks.postgres.vacuum.faults import TABLE, ForgetReport, SwitchAutovacuumOff
from tests.tasks.postgres.conftest import Stage, until

AT_ONCE = Threshold(warn=0.0001, bad=0.001, because="Owner: this test.")


def lab(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    stage.admin("GRANT CREATE ON SCHEMA public TO app")
    return Environment(name=str(kind), kind=kind, systems={"postgres": stage.door()})


def left(stage: Stage) -> list[object]:
    """Tables, sessions, threads and programs of the fault that are still there."""
    tables = stage.admin(f"SELECT 1 FROM pg_class WHERE relname = '{TABLE}'")  # noqa: S608
    sessions = stage.admin("SELECT application_name FROM pg_stat_activity WHERE usename = 'app'")
    threads = [thread.name for thread in threading.enumerate() if thread.name == "visitors"]
    return [*tables, *sessions, *threads, *benches()]


def benches() -> list[str]:
    """The pgbench processes that this process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if parent == str(os.getpid()) and b"pgbench" in words:
            found.append(words.decode())
    return found


def test_it_makes_vacuum_work_in_vain_and_mends_it(stage: Stage) -> None:
    with ForgetReport().during(lab(stage)):
        found = check_vacuum_held_back.fn(stage.door(), AT_ONCE)
        assert found.verdict is Verdict.BAD
        assert f"public.{TABLE}" in found.says
        assert "(monthly-report)" in found.says
        # The load goes on, and the password is not among what everybody can read.
        until(lambda: benches(), "visitors are there")
        assert "correct-horse" not in str(benches())

    until(lambda: left(stage) == [], "nothing of the fault is left")
    assert check_vacuum_held_back.fn(stage.door(), AT_ONCE).verdict is Verdict.OK


def test_it_mends_after_the_step_has_ended_the_report(stage18: Stage) -> None:
    action, door = EndVacuumHolders(), stage18.door()
    with ForgetReport().during(lab(stage18)):
        plan = action.plan(door, AT_ONCE)
        assert action.apply(door, plan).says == "1 session: 1 ended."
        assert check_vacuum_held_back.fn(door, AT_ONCE).verdict is Verdict.OK

    until(lambda: left(stage18) == [], "nothing of the fault is left")


def test_it_mends_when_the_visitors_were_ended(stage18: Stage) -> None:
    with ForgetReport().during(lab(stage18)):
        until(lambda: stage18.admin("SELECT 1 FROM pg_stat_activity WHERE application_name = 'web'"), "visitors")
        stage18.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'web'")

    until(lambda: left(stage18) == [], "nothing of the fault is left")


def test_it_fills_a_table_with_dead_rows_and_mends_it(stage: Stage) -> None:
    with SwitchAutovacuumOff().during(lab(stage)):
        found = check_dead_rows.fn(stage.door())
        assert found.verdict is Verdict.BAD
        assert f"public.{TABLE}" in found.says
        # Nobody holds them: VACUUM removes them.
        stage.admin(f"VACUUM {TABLE}")
        until(lambda: check_dead_rows.fn(stage.door()).verdict is Verdict.OK, "the dead rows are removed")

    until(lambda: left(stage) == [], "nothing of the fault is left")


@pytest.mark.parametrize("fault", [ForgetReport(), SwitchAutovacuumOff()], ids=lambda fault: type(fault).__name__)
def test_it_clears_up_when_it_cannot_begin(stage18: Stage, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(Refused, match="There is no pgbench"), fault.during(lab(stage18)):
        pytest.fail("it did not break anything")

    until(lambda: left(stage18) == [], "nothing of the fault is left")


@pytest.mark.parametrize("fault", [ForgetReport(), SwitchAutovacuumOff()], ids=lambda fault: type(fault).__name__)
def test_it_refuses_production(stage18: Stage, fault: Fault) -> None:
    with pytest.raises(RefusesProduction), fault.during(lab(stage18, Kind.PRODUCTION)):
        pytest.fail("it broke production")

    until(lambda: left(stage18) == [], "nothing of the fault is left")
