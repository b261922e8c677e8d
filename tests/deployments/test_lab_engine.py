"""The lab's engine: what is asked of its containers is done to the lab's programs, and to no other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from deployments.lab import Lab, engine
from tasks.config import Config
from tasks.docker.checks import check_docker_leftovers, check_unused_volumes
from tasks.docker.services.actions import StartStoppedContainers
from tasks.docker.services.checks import check_container_health, check_container_memory, check_containers
from tasks.docker.services.faults import StopContainer
from tasks.docker.system import Docker
from tasks.environment import Environment
from tasks.model import Refused, Verdict
from tasks.registry import register_systems


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def docker(place: Environment) -> Docker:
    found = place.systems["docker"]
    assert isinstance(found, Docker)
    return found


def test_it_says_that_it_is_a_stand_in(docker: Docker) -> None:
    assert [told.says for told in docker.examine()] == [f"The engine at {docker.url} answers: the lab's stand-in."]


def test_it_is_well(place: Environment) -> None:
    checks = (check_containers, check_container_health, check_container_memory)
    found = [asked.ask(place) for asked in (*checks, check_docker_leftovers, check_unused_volumes)]
    assert {one.verdict for one in found} == {Verdict.OK}, [one.says for one in found]
    assert found[0].says == "4 containers run, of lab."


def test_it_stops_and_starts_the_labs_own_worker_and_nothing_else(place: Environment, lab: Lab, docker: Docker) -> None:
    before = lab.supervisor.pids()
    with StopContainer().during(place):
        assert "worker" not in lab.supervisor.pids()
        told = check_containers.ask(place)
        assert told.verdict is Verdict.BAD
        assert told.says.startswith("lab-worker-1 ")
        plan = StartStoppedContainers().plan(docker)
        assert [command.target["container"] for command in plan.commands] == [engine.id_of("worker")]
        assert StartStoppedContainers().apply(docker, plan).complete
    after = lab.supervisor.pids()
    assert {name for name in before if before[name] != after.get(name)} == {"worker"}
    assert check_containers.ask(place).verdict is Verdict.OK


def test_it_restarts_the_one_that_is_named(lab: Lab, docker: Docker) -> None:
    before = lab.supervisor.pids()
    docker.restart(engine.id_of("web"), 30)
    until = time.monotonic() + 10
    while lab.supervisor.state("website") != 20 and time.monotonic() < until:
        time.sleep(0.1)
    after = lab.supervisor.pids()
    assert {name for name in before if before[name] != after.get(name)} == {"website"}


def test_it_refuses_what_it_does_not_have(docker: Docker) -> None:
    with pytest.raises(Refused, match="No such container"):
        docker.start("f" * 64)
    with pytest.raises(Refused, match="No such container"):
        docker.log("f" * 64, lines=3)
