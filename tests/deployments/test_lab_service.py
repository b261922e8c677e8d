"""The lab's server as a service: looked at, stopped and restarted by commands, as systemd would have it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deployments.home import Home
from deployments.lab import Lab, service
from deployments.lab.service import NO_SUCH_SERVICE, NOT_RUNNING
from tasks.config import Config
from tasks.model import CannotLook
from tasks.postgres.system import PostgresServer
from tasks.registry import register_systems
from tasks.service.system import DatabaseService
from tests.deployments.processes import wait_until


def run(home: Path, verb: str, program: str = service.POSTGRES) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service.command(verb, program),
        env={"INCIDENT_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def answers(postgres: PostgresServer) -> bool:
    try:
        postgres.rows("SELECT 1")
    except CannotLook:
        return False
    return True


def test_it_is_part_of_the_labs_environment(lab: Lab) -> None:
    register_systems()
    place = Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")
    database, postgres = place.systems["database_service"], place.systems["postgres"]
    assert isinstance(database, DatabaseService)
    assert isinstance(postgres, PostgresServer)

    assert database.running()
    database.halt()
    assert not database.running()
    assert not answers(postgres)
    assert database.start_again().lines == ("running",)
    wait_until(lambda: answers(postgres), "the lab answers again")


def test_it_speaks_in_exit_codes(lab: Lab, tmp_path: Path) -> None:
    assert (run(lab.home.root, "status").returncode, run(lab.home.root, "status").stdout) == (0, "running\n")
    for home, program in ((lab.home.root, "mysql"), (Home(tmp_path).root, service.POSTGRES)):
        said = run(home, "restart", program)
        assert said.returncode == NO_SUCH_SERVICE
        assert f"{program}: no such service in {home}" in said.stderr


def test_it_says_that_a_stopped_one_is_stopped(lab: Lab) -> None:
    try:
        assert run(lab.home.root, "stop").stdout == "stopped\n"
        assert run(lab.home.root, "stop").returncode == 0
        assert run(lab.home.root, "status").returncode == NOT_RUNNING
    finally:
        assert run(lab.home.root, "restart").returncode == 0
    wait_until(lambda: run(lab.home.root, "status").returncode == 0, "the lab is up again")


def test_it_keeps_slots_for_those_who_look(lab: Lab) -> None:
    register_systems()
    place = Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")
    postgres = place.systems["postgres"]
    assert isinstance(postgres, PostgresServer)
    wait_until(lambda: answers(postgres), "the lab answers")
    (row,) = postgres.rows(
        "SELECT current_setting('server_version_num')::int AS version, "
        "current_setting('reserved_connections', true) AS reserved"
    )
    if int(str(row["version"])) < 160000:
        pytest.skip("Postgres 16 was the first to reserve slots for others than superusers")
    assert row["reserved"] == "5"
