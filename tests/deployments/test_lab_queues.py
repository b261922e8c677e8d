"""The lab's Valkey and its worker: jobs are really taken, and its drills end as they began."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments import private_file
from deployments.lab import Lab, queues, valkey
from runbooks.workflows.queue_backlog import runbook
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.model import CannotLook, Refused, Verdict
from tasks.queues.actions import RestartQueueWorkers
from tasks.queues.checks import check_queue_workers
from tasks.queues.failures import check_failed_jobs, check_poisoned_jobs
from tasks.queues.faults import FailOnFarSide, LeaveNoWorker, RetryInVain
from tasks.queues.poisoned import RemovePoisonedJobs
from tasks.queues.retry import RetryFailedJobs
from tasks.queues.system import Queues
from tasks.registry import register_systems
from tests.deployments.processes import wait_until

DRILLS = (
    (LeaveNoWorker(30), check_queue_workers, RestartQueueWorkers()),
    (FailOnFarSide(), check_failed_jobs, RetryFailedJobs()),
    (RetryInVain(), check_poisoned_jobs, RemovePoisonedJobs()),
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def emails(place: Environment) -> Iterator[Queues]:
    system = place.systems["queues"]
    assert isinstance(system, Queues)
    wait_until(lambda: is_well(place, check_queue_workers), "the worker is there")
    yield system
    wait_until(lambda: system.look("emails").due == 0, "nothing waits")
    assert system.look("emails").failed == 0
    assert not Path(str(system.drill_file)).exists()


def is_well(place: Environment, asked: Check[Any]) -> bool:
    return asked.ask(place).verdict is Verdict.OK


@pytest.mark.parametrize("asked", runbook.diagnosis, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, emails: Queues, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_its_trouble_lasts_until_something_is_done_about_it(
    place: Environment, emails: Queues, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    with fault.during(place):
        for _ in range(2):
            assert noticed_by.ask(place).verdict is Verdict.BAD
        systems = place.supply(action.plan)
        assert action.apply(**systems, plan=action.plan(**systems)).complete
        wait_until(lambda: is_well(place, noticed_by), "it is well again")


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_a_drill_that_nobody_resolves_leaves_nothing(
    place: Environment, emails: Queues, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    with fault.during(place):
        assert noticed_by.ask(place).verdict is Verdict.BAD
    wait_until(lambda: is_well(place, noticed_by), "it is well again")


def test_its_drills_break_nothing_where_customers_live(place: Environment) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    for fault, _, _ in DRILLS:
        with pytest.raises(RefusesProduction), fault.during(there):
            pass


def test_doctor_finds_them(place: Environment, emails: Queues) -> None:
    for name in ("redis", "queues"):
        assert {found.verdict for found in place.systems[name].examine()} == {Verdict.OK}


def test_each_may_do_its_own_and_no_more(emails: Queues) -> None:
    with emails.session() as session, pytest.raises(Refused, match="may not run 'set'"):
        session.run("SET", "bull:emails:x", "1")
    for command in (("SET", "other", "1"), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "1")):
        with emails.acting() as session, pytest.raises(CannotLook):
            session.run(*command)


def test_its_passwords_are_for_nobody_else_to_read(lab: Lab) -> None:
    folder, worker = lab.home.lab.beside("valkey"), lab.home.lab.beside("worker")
    for file in (folder / valkey.USERS, folder / queues.PASSWORDS, worker / queues.ACCOUNT):
        assert file.stat().st_mode & 0o077 == 0
    assert len(set(private_file.read_json(folder / queues.PASSWORDS).values())) == len(queues.USERS)
