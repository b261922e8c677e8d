"""The lab's second store agrees with the first until a drill breaks it, and the step of the runbook mends it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from deployments.lab import Lab
from deployments.lab.mirror import DATABASE
from runbooks.database.sync_drift import runbook
from tasks.config import Config
from tasks.environment import Environment
from tasks.mirror.actions import SyncDriftedRows
from tasks.mirror.checks import check_row_counts, check_row_drift
from tasks.mirror.system import Mirror
from tasks.model import Verdict
from tasks.registry import register_systems


@pytest.fixture
def environment(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


def test_it_agrees(environment: Environment) -> None:
    for asked in (check_row_counts, check_row_drift):
        assert asked.ask(environment).verdict is Verdict.OK


def test_who_compares_cannot_write(lab: Lab) -> None:
    for database in ("app", DATABASE):
        with psycopg.connect(lab.url("auditor", database)) as auditor:
            assert auditor.execute("SELECT FROM leads").rowcount
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                auditor.execute("DELETE FROM leads")


def test_its_drill_is_noticed_mended_by_the_step_and_leaves_nothing(environment: Environment) -> None:
    (drill,) = runbook.drills
    mirror, action = environment.systems["mirror"], SyncDriftedRows()
    assert isinstance(mirror, Mirror)
    with drill.fault.during(environment):
        assert drill.noticed_by.ask(environment).verdict is Verdict.BAD
        plan = action.plan(mirror)
        assert plan.blast_radius.touched == 16
        assert action.apply(mirror, plan=plan).complete
        assert drill.noticed_by.ask(environment).verdict is Verdict.OK
    assert drill.noticed_by.ask(environment).verdict is Verdict.OK
