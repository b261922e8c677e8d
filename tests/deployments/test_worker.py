"""Whoever reaches Prefect's API may edit deployments, pools and runs: none of that may become a command on the worker.

The worker holds what the gate rests on: the approvers' secrets, the journal's password, the systems' passwords.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore
from prefect.serializers import PickleSerializer
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types._datetime import now

from deployments.engine import OURS
from deployments.ports import free_port
from deployments.prefect_server import POOL
from deployments.stack import Stack
from deployments.wanted import wanted
from deployments.worker import Worker, open_queues
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.deployments.processes import wait_until

ENDS_WITHIN_S = 60.0
# Opens nothing: the run ends with the sentence that there is no such runbook, and so shows whose code it was.
NOTHING = {"runbook": "no/such-runbook", "environment": "lab"}


@dataclass
class Intruder:
    """Somebody with Prefect's login, who wants something to exist on the worker's machine."""

    client: SyncPrefectClient
    folder: Path

    @property
    def spoils(self) -> list[str]:
        return sorted(file.name for file in self.folder.glob("*.taken"))

    def touch(self, name: str) -> str:
        """A command that leaves a trace."""
        return f"touch {shlex.quote(str(self.folder / f'{name}.taken'))}"

    def code(self) -> Path:
        """A module that leaves a trace when it is imported, and passes for ours."""
        file = self.folder / "trojan.py"
        file.write_text(
            "import pathlib\nfrom prefect import flow\n"
            f"pathlib.Path({str(self.folder / 'imported.taken')!r}).touch()\n"
            "@flow\ndef incident(runbook, environment): ...\n"
        )
        return file

    def deploy(self, flow: str = "incident", **edited: Any) -> UUID:
        given = {"entrypoint": "flows.incident.incident", "work_pool_name": POOL, **edited}
        return self.client.create_deployment(
            flow_id=self.client.create_flow_from_name(flow), name=f"trojan-{uuid4()}", **given
        )

    def begin(self, deployment: UUID, **edited: Any) -> UUID:
        return self.client.create_flow_run_from_deployment(deployment, parameters=NOTHING, **edited).id

    def ended(self, run: UUID) -> FlowRun:
        def final() -> bool:
            state = self.client.read_flow_run(run).state
            return state is not None and state.is_final()

        wait_until(final, "the run ends", ENDS_WITHIN_S)
        return self.client.read_flow_run(run)


@pytest.fixture
def intruder(stack: Stack, tmp_path: Path) -> Iterator[Intruder]:
    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}), get_client(sync_client=True) as client:
        yield Intruder(client, tmp_path)


def assert_ours(run: FlowRun) -> None:
    """It was our flow that ran, and it did what it does with such parameters."""
    assert run.state is not None
    assert "No runbook 'no/such-runbook'" in str(run.state.message)


def test_it_takes_neither_code_nor_command_from_a_deployment_a_run_or_the_pool(intruder: Intruder) -> None:
    """The pool's form lets nobody choose anything; whoever may edit it lets themselves."""
    client = intruder.client
    assert client.read_work_pool(POOL).base_job_template == NOTHING_TO_CHOOSE
    with pytest.raises(PrefectHTTPStatusError, match="'command' was unexpected"):
        intruder.deploy(job_variables={"command": intruder.touch("command")})
    code = intruder.code()
    variables = {
        "env": {
            "PREFECT__FLOW_ENTRYPOINT": f"{code}:incident",
            "INCIDENT_CONFIG": "/dev/null",
            "PATH": str(code.parent),
        },
        "working_dir": str(intruder.folder),
    }
    pull = {"prefect.deployments.steps.run_shell_script": {"script": intruder.touch("pulled")}}
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=anything_goes(intruder.touch("pool"))))
    try:
        runs = [
            intruder.begin(intruder.deploy(entrypoint=f"{code}:incident", path=str(intruder.folder))),
            intruder.begin(intruder.deploy(pull_steps=[pull], job_variables=variables)),
            intruder.begin(intruder.deploy(), job_variables={**variables, "command": intruder.touch("command")}),
        ]
        for run in runs:
            assert_ours(intruder.ended(run))
    finally:
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=NOTHING_TO_CHOOSE))
    assert intruder.spoils == []


def test_a_run_that_fails_leaves_nothing_on_the_disk(intruder: Intruder, stack: Stack) -> None:
    """Prefect would pickle what was raised, unredacted: into its own folder, or to where `incident up` was typed."""
    before = kept(stack)
    run = intruder.ended(intruder.begin(intruder.deploy()))
    assert_ours(run)
    assert kept(stack) == before
    log = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    # Logs arrive in batches.
    wait_until(lambda: any("Finished in state" in one.message for one in intruder.client.read_logs(log)), "its log")
    assert not [one.message for one in intruder.client.read_logs(log) if "write result" in one.message]


def kept(stack: Stack) -> set[Path]:
    """What has the name of a result: where the worker stands, as the tests do, and in Prefect's own folder."""
    places = (Path.cwd(), stack.home.prefect / "storage")
    return {file for place in places if place.is_dir() for file in place.iterdir() if len(file.name) == 32}


@pytest.mark.parametrize("valve", ["pool", "queue"])
def test_it_begins_nothing_that_a_paused_pool_or_queue_holds_back(intruder: Intruder, valve: str) -> None:
    """It is told of a run by name, and begins it without asking what the pool hands out."""
    client = intruder.client
    queue = client.read_work_queue_by_name("default", work_pool_name=POOL).id

    def pause(paused: bool) -> None:
        if valve == "pool":
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=paused))
        else:
            client.update_work_queue(queue, is_paused=paused)

    pause(True)
    try:
        run = intruder.begin(intruder.deploy())
        time.sleep(3)
        held = client.read_flow_run(run).state
        assert held is not None
        assert held.is_scheduled()
    finally:
        pause(False)
    assert_ours(intruder.ended(run))


@pytest.mark.parametrize(
    ("pool", "queue", "open_"),
    [
        ({}, {}, True),
        ({"is_paused": True}, {}, False),
        ({"concurrency_limit": 1}, {}, False),
        ({}, {"is_paused": True}, False),
        ({}, {"concurrency_limit": 1}, False),
    ],
)
def test_it_asks_the_server_wherever_something_may_hold_a_run_back(
    pool: dict[str, Any], queue: dict[str, Any], open_: bool
) -> None:
    free = {"is_paused": False, "concurrency_limit": None}
    known, ours = SimpleNamespace(id=uuid4(), **(free | queue)), SimpleNamespace(id=uuid4(), **(free | pool))

    class Client:
        async def read_work_pool(self, _name: str) -> Any:
            return ours

        async def read_work_queues(self, work_pool_name: str) -> list[Any]:
            return [known]

    client: Any = Client()
    assert asyncio.run(open_queues(client)) == ({known.id: ours.id} if open_ else {})


def test_it_looks_again_when_what_it_was_handed_early_is_due() -> None:
    """Scheduled runs are handed out half a minute early: without this each began at the next look, up to 15 s late."""

    async def story() -> None:
        worker = Worker.__new__(Worker)
        looked = asyncio.Event()

        async def look() -> None:
            worker._look_at([])
            looked.set()

        worker._alarm, worker._look = None, look  # type: ignore[method-assign, assignment]
        worker._look_at([now("UTC") + timedelta(hours=1)])
        worker._look_at([now("UTC") + timedelta(seconds=0.1), now("UTC") + timedelta(hours=1)])
        await asyncio.wait_for(looked.wait(), 60)

    asyncio.run(story())


NOTHING_TO_CHOOSE: dict[str, Any] = {
    "job_configuration": {"labels": {}},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}


def anything_goes(command: str) -> dict[str, Any]:
    """The form of Prefect's process pool, with a command of the intruder's own."""
    names = ("command", "env", "working_dir")
    return {
        "job_configuration": {name: f"{{{{ {name} }}}}" for name in names},
        "variables": {"type": "object", "properties": {"command": {"default": command}, "env": {}, "working_dir": {}}},
    }


def test_it_executes_no_flow_but_ours(intruder: Intruder) -> None:
    """After the crash Prefect looks for the flow's hooks, in the worker itself: that must not import it either."""
    run = intruder.ended(intruder.begin(intruder.deploy("trojan", entrypoint=f"{intruder.code()}:incident")))
    assert run.state is not None
    assert run.state.is_crashed()
    assert intruder.spoils == []


class Bomb:
    """Goes off when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_it_unpickles_nothing_for_a_run_that_is_said_to_have_a_result(intruder: Intruder, stack: Stack) -> None:
    """A state may name a file, or any storage of the intruder's, as the place of the run's pickled result."""
    storage = LocalFileSystem(basepath=str(intruder.folder))
    store = ResultStore(result_storage=storage, serializer=PickleSerializer())
    record = store.create_result_record(Bomb(intruder.touch("unpickled")), key=str(intruder.folder / "result"))
    store.persist_result_record(record)
    run = intruder.begin(intruder.deploy())
    state = {"type": "COMPLETED", "data": record.metadata.model_dump(mode="json")}
    # Prefect's own client would leave the data out.
    intruder.client.request(
        "POST", "/flow_runs/{id}/set_state", path_params={"id": run}, json={"state": state, "force": True}
    )
    # The worker would have begun before it was said.
    environment = {**os.environ, **stack.environment(), "PREFECT__FLOW_RUN_ID": str(run)}
    subprocess.run(
        [sys.executable, "-P", "-m", "deployments.engine"], env=environment, timeout=ENDS_WITHIN_S, check=True
    )
    assert intruder.spoils == []


def test_it_knows_every_flow_that_is_published(stack: Stack) -> None:
    config = Config.load(stack.home.config, stack.home.lab_environment)
    published = {(want.flow, want.entrypoint) for want in wanted(Catalog.load(config.team), config)}
    assert published == {(name, f"flows.{name}.{name}") for name in OURS}


def test_it_waits_for_a_server_that_is_not_there_yet(stack: Stack) -> None:
    """It starts beside the server, and both take seconds."""
    environment = {**os.environ, **stack.environment(), "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}
    command = [sys.executable, "-P", "-m", "deployments.worker", "--name", "early"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline().startswith("Waiting for Prefect's server at http://127.0.0.1:")
            with pytest.raises(subprocess.TimeoutExpired):
                worker.wait(1)
        finally:
            worker.terminate()
