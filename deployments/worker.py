"""The worker: executes our own flows, and takes nothing of how to do that from Prefect's API.

Prefect's process worker takes command, environment, folder and code from the work pool, the deployment and the run. All
who reach the API may edit those: they would run any command with the worker's secrets, and no gate would matter. This
one always starts `deployments.engine`, in its own environment.

Start it with `python -P -m deployments.worker --name NAME`; it makes the pool if it is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments.engine import flow_of
from deployments.prefect_server import POOL

if TYPE_CHECKING:
    from uuid import UUID

    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, WorkPool
    from prefect.client.schemas.responses import DeploymentResponse

# -P: a folder called `deployments` in the current directory is not ours.
COMMAND = shlex.join([sys.executable, "-P", "-m", "deployments.engine"])


class Fixed(BaseJobConfiguration):
    """How a run is executed: the same for each, whatever pool, deployment and run ask for."""

    @classmethod
    async def resolve_for_flow_run(
        cls,
        flow_run: FlowRun,
        *,
        client: PrefectClient,  # noqa: ARG003 - whoever calls names them
        work_pool: WorkPool,
        worker_name: str,
        worker_id: UUID | None = None,
        deployment: DeploymentResponse | None = None,  # noqa: ARG003
    ) -> Fixed:
        fixed = cls(command=COMMAND)
        fixed.prepare_for_flow_run(flow_run, work_pool=work_pool, worker_name=worker_name, worker_id=worker_id)
        return fixed


class Worker(BaseWorker[Fixed, BaseVariables, BaseWorkerResult]):
    """A process for each run, on this machine."""

    type = "incident"
    job_configuration = Fixed
    _display_name = "Incident Pipelines"
    _description = "Executes the flows of Incident Pipelines as processes, and nothing else."

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The pool's form: nothing can be chosen, and the server says so to those who try."""
        nothing = {"type": "object", "properties": {}, "additionalProperties": False}
        # The server wants to see something here.
        return {"job_configuration": {"labels": {}}, "variables": nothing}

    async def run(
        self, flow_run: FlowRun, configuration: Fixed, task_status: anyio.abc.TaskStatus[int] | None = None
    ) -> BaseWorkerResult:
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                command=COMMAND, cwd=Path.cwd(), env=configuration.env, control_channel=context.control_channel
            )
            executor = context.create_executor(flow_run, starter, resolve_flow=_resolve, propose_submitting=False)
            done: list[FlowRunExecutionResult | None] = []

            async def execute(*, task_status: anyio.abc.TaskStatus[Any] = anyio.TASK_STATUS_IGNORED) -> None:
                done.append(await executor.submit(task_status=task_status))

            async with anyio.create_task_group() as group:
                handle = await group.start(execute)
                if task_status is not None:
                    task_status.started(handle.pid)
        result = done[0]
        if result is None or result.status_code is None:
            raise RuntimeError(f"The process of run {flow_run.id} did not start; the log above says why.")
        return BaseWorkerResult(status_code=result.status_code, identifier=str(handle.pid))


async def _resolve(run: FlowRun) -> Flow[..., Any]:
    """Prefect asks for a flow's hooks after a crash, here in the worker itself: only ours is ever loaded."""
    return await asyncio.to_thread(flow_of, run)


async def work(name: str) -> None:
    """Work until the process is told to stop: the first Ctrl-C or SIGTERM ends the runs in order, a second at once."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import PREFECT_WORKER_HEARTBEAT_SECONDS, PREFECT_WORKER_PREFETCH_SECONDS
    from prefect.utilities.processutils import setup_signal_handlers_worker

    setup_logging()
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    worker = Worker(
        work_pool_name=POOL,
        name=name,
        prefetch_seconds=PREFECT_WORKER_PREFETCH_SECONDS.value(),
        heartbeat_interval_seconds=int(PREFECT_WORKER_HEARTBEAT_SECONDS.value()),
    )
    await worker.start()


def main() -> None:
    """Work under the name that is given."""
    parser = argparse.ArgumentParser(prog="deployments.worker", description=__doc__)
    parser.add_argument("--name", default="worker", help="tells workers apart in Prefect")
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(work(parser.parse_args().name))


if __name__ == "__main__":
    main()
