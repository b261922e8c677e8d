"""The machine the lab runs on: a worker that leaks and a process that spins are seen, and gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.lab import Lab
from tasks.action import Action
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment
from tasks.fault import Fault
from tasks.host.processes.actions import RestartLeakingWorkers, StopSpinningProcesses
from tasks.host.processes.checks import check_growing_processes, check_spinning_processes
from tasks.host.processes.faults import SPINNER, LeakInWorker, LeaveSpinning
from tasks.host.processes.running import processes
from tasks.model import Verdict
from tasks.queues.checks import check_queue_workers
from tasks.registry import register_systems
from tests.deployments.processes import wait_until


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    environment = Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")
    wait_until(lambda: check_queue_workers.ask(environment).verdict is Verdict.OK, "the worker is there")
    return environment


@pytest.mark.parametrize(
    ("fault", "asked", "action"),
    [
        (LeakInWorker(), check_growing_processes, RestartLeakingWorkers()),
        (LeaveSpinning(), check_spinning_processes, StopSpinningProcesses()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_it_sees_what_runs_away_and_ends_it(
    place: Environment, fault: Fault, asked: Check[...], action: Action
) -> None:
    systems = place.supply(action.plan)
    limits = place.limits(asked.name, action.plan)
    with fault.during(place):
        wait_until(lambda: asked.ask(place).verdict is Verdict.BAD, "it is seen")
        plan = action.plan(**systems, **limits)
        assert len(plan.commands) == 1
        assert action.apply(**systems, plan=plan).complete
        wait_until(lambda: asked.ask(place).verdict is Verdict.OK, "it is over, though nobody cured it")
    assert not processes([SPINNER])


def test_it_gives_the_memory_back_when_nobody_restarts_it(place: Environment) -> None:
    with LeakInWorker().during(place):
        wait_until(lambda: check_growing_processes.ask(place).verdict is Verdict.BAD, "it is seen")
    wait_until(lambda: check_growing_processes.ask(place).verdict is Verdict.OK, "it is over")
