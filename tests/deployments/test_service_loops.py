"""A real Prefect server whose scheduler creates no run: does it look healthy to anybody who asks us?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running, Scheduled

from deployments.ports import free_port
from deployments.prefect_server import api_url, server_environment
from deployments.service_loops import Loop, _counted
from deployments.worker import Worker
from flows.keepers import clock
from flows.run.clock import now
from tests.conftest import Server
from tests.deployments.processes import wait_until

HEARTBEAT: Final = "/work_pools/{work_pool_name}/workers/heartbeat"
TAG, POOL = "tagged", "incident"
BROKEN = Path(__file__).with_name("broken_scheduler.py")


@contextlib.contextmanager
def served(folder: Path, database: str, **more: str) -> Iterator[str]:
    """The server with the broken scheduler, which plans every second instead of every minute; its API's URL."""
    port = free_port()
    settings = server_environment(port, folder, database.replace("postgresql:", "postgresql+asyncpg:"))
    given = {**os.environ, "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1", **more, **settings}
    environment = {name: value for name, value in given.items() if value is not None}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen([sys.executable, BROKEN], cwd=Path.cwd(), env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: healthy(api_url(port)), (folder / "server.log").read_text(), 60)
        yield api_url(port)
    finally:
        server.terminate()
        server.wait(timeout=30)


def healthy(url: str) -> bool:
    """As everybody asks whether Prefect is well."""
    try:
        return bool(httpx.get(f"{url}/health", trust_env=False).json())
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, postgres18: Server) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("broken")
    with (
        postgres18.fresh_database() as database,
        served(folder, database) as url,
        temporary_settings({PREFECT_API_URL: url}),
    ):
        with get_client(sync_client=True) as client:
            flow = client.create_flow_from_name("watch")
            every = IntervalSchedule(interval=timedelta(minutes=5))
            client.create_deployment(
                flow, "lamp", tags=[TAG], schedules=[DeploymentScheduleCreate(schedule=every, active=True)]
            )
            client.create_deployment(
                flow, "idle", tags=[TAG], schedules=[DeploymentScheduleCreate(schedule=every, active=False)]
            )
        yield url


def troubles() -> dict[str, str]:
    return {trouble.key: trouble.says for trouble in clock.look(TAG, POOL).troubles}


def test_it_says_that_a_loop_fails_round_after_round_on_a_server_that_calls_itself_healthy(broken: str) -> None:
    assert healthy(broken)
    wait_until(lambda: clock.BAD_LOOPS in troubles(), "the failing loop is noticed")
    says = troubles()[clock.BAD_LOOPS]
    assert says.startswith("Prefect answers, but not all of it works. schedule_deployments failed ")
    assert "times in a row: RuntimeError: Can't evaluate bulk DML statement." in says
    # The statement's values may be anybody's.
    assert "canary" not in says


def test_it_tells_every_loop_and_that_the_others_are_well(broken: str) -> None:
    loops: list[dict[str, Any]] = httpx.get(f"{broken}/incident/loops", trust_env=False).json()
    known = {loop["service"]: loop for loop in loops}
    assert {"schedule_deployments", "monitor_late_runs", "monitor_worker_health", "monitor_expired_pauses"} <= {*known}
    assert [name for name, loop in known.items() if loop["failed"] and "schedule" not in name] == []
    assert known["monitor_late_runs"]["ended_s_ago"] < known["monitor_late_runs"]["every_s"] + clock.OVERDUE_S


def test_it_says_that_the_scheduler_creates_no_runs(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.NO_RUNS not in troubles(), "a schedule that was just made has its grace"
    monkeypatch.setattr(clock, "GRACE", timedelta(0))
    assert troubles()[clock.NO_RUNS] == (
        "The scheduler creates no runs for 1 of 1 schedules (lamp): "
        "what is watched is not looked at, and maintenance does not begin."
    )


def test_it_says_that_no_worker_takes_runs_and_that_one_takes_none(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No run is late yet" in troubles()[clock.NO_WORKER]
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("watch/lamp")
        run = client.create_flow_run_from_deployment(
            deployment.id, state=Scheduled(scheduled_time=now() - timedelta(minutes=2))
        )
        assert "One run is late" in troubles()[clock.NO_WORKER]
        # A pool and a worker that reports, and asks for nothing.
        client.request("POST", "/work_pools/", json={"name": POOL, "type": Worker.type})
        client.request("POST", HEARTBEAT, path_params={"work_pool_name": POOL}, json={"name": "w"})
        seen = troubles()
        assert clock.NO_WORKER not in seen
        assert seen[clock.TAKES_NONE] == "One run is late: a worker of the pool 'incident' is there, and takes none."
        # A burst: one begins, the others wait for a place, and nobody is woken for that.
        begun = client.create_flow_run_from_deployment(deployment.id)
        client.set_flow_run_state(begun.id, Running(), force=True)
        assert clock.TAKES_NONE not in troubles()
        monkeypatch.setattr(clock, "QUEUED", timedelta(minutes=1))
        assert clock.TAKES_NONE in troubles(), "not for ever"
        client.delete_flow_run(run.id)
    assert clock.TAKES_NONE not in troubles()


def test_it_tells_its_loops_to_those_with_the_login_only(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "team:canary-login-4711")
    with served(tmp_path, database) as url:
        asked = {auth: httpx.get(f"{url}/incident/loops", auth=auth, trust_env=False) for auth in (None, LOGIN)}
    assert [answer.status_code for answer in asked.values()] == [401, 200]


LOGIN = ("team", "canary-login-4711")


def test_it_says_that_prefect_does_not_answer() -> None:
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        assert [*troubles()] == [clock.NO_ANSWER]


def test_it_forgets_failures_after_a_round_that_succeeds() -> None:
    outcomes: list[Exception | None] = [ValueError("a"), ValueError("b"), None]
    loop = Loop("x", 5.0)

    async def one_round() -> None:
        if error := outcomes.pop(0):
            raise error

    counted = _counted(one_round, loop)
    for failed in (1, 2, 0):
        with contextlib.suppress(ValueError):
            asyncio.run(counted())  # type: ignore[arg-type]  # it is a coroutine
        assert (loop.failed, bool(loop.says)) == (failed, failed > 0)


@pytest.mark.parametrize(
    ("failed", "ended_s_ago", "complains"), [(0, 119, False), (1, 0, False), (2, 0, True), (0, 121, True)]
)
def test_it_complains_of_what_fails_or_stays_away(failed: int, ended_s_ago: float, complains: bool) -> None:
    body = {"service": "x", "every_s": 60.0, "failed": failed, "ended_s_ago": ended_s_ago, "says": "E"}
    assert bool(clock._complaint(body)) is complains
