"""The lab's n8n: well until a drill makes it ill, ill until something is done about it, and well again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab, n8n
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.model import Verdict
from tasks.n8n.executions.actions import RetryFailed
from tasks.n8n.executions.checks import check_n8n_concurrency, check_n8n_crashed, check_n8n_failures, check_n8n_stuck
from tasks.n8n.executions.faults import FailOneOfEach
from tasks.n8n.instance.actions import RestartN8n
from tasks.n8n.instance.checks import check_n8n_answers, check_n8n_key
from tasks.n8n.instance.faults import StopN8n
from tasks.n8n.workflows.actions import Reactivate
from tasks.n8n.workflows.checks import check_n8n_active, check_n8n_credentials, check_n8n_last_runs
from tasks.n8n.workflows.faults import DeactivateWorkflow
from tasks.registry import register_systems

ALL = (
    check_n8n_answers,
    check_n8n_key,
    check_n8n_active,
    check_n8n_last_runs,
    check_n8n_credentials,
    check_n8n_failures,
    check_n8n_crashed,
    check_n8n_stuck,
    check_n8n_concurrency,
)
DRILLS = (
    (FailOneOfEach(), check_n8n_failures, RetryFailed()),
    (DeactivateWorkflow(), check_n8n_active, Reactivate()),
    (StopN8n(), check_n8n_answers, RestartN8n()),
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


def wait_until_well(place: Environment, asked: Check[Any]) -> None:
    """A service that was restarted runs before it listens."""
    until = time.monotonic() + 60
    while (found := asked.ask(place)).verdict is not Verdict.OK:
        assert time.monotonic() < until, found.says
        time.sleep(0.1)


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_its_trouble_lasts_until_something_is_done_about_it(
    place: Environment, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    with fault.during(place):
        for _ in range(2):
            assert noticed_by.ask(place).verdict is Verdict.BAD
        systems = place.supply(action.plan)
        limits = place.limits(noticed_by.name, action.plan)
        assert action.apply(**systems, plan=action.plan(**systems, **limits)).complete
        wait_until_well(place, noticed_by)
        assert noticed_by.ask(place).verdict is Verdict.OK
    wait_until_well(place, noticed_by)


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_a_drill_that_nobody_resolves_leaves_nothing(
    place: Environment, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    with fault.during(place):
        assert noticed_by.ask(place).verdict is Verdict.BAD
    wait_until_well(place, noticed_by)


def test_its_drills_break_nothing_where_customers_live(place: Environment) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    for fault, _, _ in DRILLS:
        with pytest.raises(RefusesProduction), fault.during(there):
            pass


def test_doctor_finds_it(place: Environment) -> None:
    for name in ("n8n", "n8n_service"):
        assert {found.verdict for found in place.systems[name].examine()} == {Verdict.OK}


def test_its_key_is_for_nobody_else_to_read(lab: Lab) -> None:
    keys = lab.home.lab.beside("n8n") / n8n.KEYS
    assert keys.stat().st_mode & 0o077 == 0
    assert all(len(key) > 20 for key in json.loads(keys.read_text(encoding="utf-8")))
