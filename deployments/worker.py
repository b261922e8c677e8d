"""The worker: executes our own flows, and takes nothing of how to do that from Prefect's API.

Prefect's process worker takes command, environment, folder and code from the work pool, the deployment and the run. All
who reach the API may edit those: they would run any command with the worker's secrets, and no gate would matter. This
one takes the id of a run, and hands it to a process that looks which of our flows it is (`deployments.engine`).

That process is forked from one that has imported everything (`deployments.warm`); and the worker is woken when a run
becomes due (`deployments.called`). It looks by itself now and then, too, whatever became of the call.

Start it with `python -P -m deployments.worker --name NAME`; it makes the pool if it is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.types._datetime import now
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from deployments.called import wait_until_due
from deployments.engine import flow_of
from deployments.prefect_server import POOL
from deployments.warm import ForkStarter, Nursery

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from uuid import UUID

    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

# Most of a run's life is waiting for other machines; more at once only take the processor from each other.
AT_ONCE = 4 * (os.cpu_count() or 1)
# By how much later a run was due it stands behind one of P0: so nothing urgent waits, and nothing for ever.
BEHIND = {
    "P0": timedelta(0),
    "P1": timedelta(minutes=1),
    "P2": timedelta(minutes=4),
    "P3": timedelta(minutes=15),
}
ASKS_AGAIN_S = 0.2
# A person answered, and waits.
ANSWERED = timedelta(minutes=-1)


def urgency(run: FlowRun) -> datetime:
    """What comes first has the earliest: when it was due, put back by how little it presses."""
    answered = run.state is not None and run.state.name == "Resuming"
    behind = ANSWERED if answered else BEHIND.get(str(run.parameters.get("severity")), BEHIND["P1"])
    return due_at(run) + behind


def due_at(run: FlowRun) -> datetime:
    """When a run that Prefect handed out is due."""
    assert run.next_scheduled_start_time is not None  # noqa: S101 - or it would not have been handed out
    return run.next_scheduled_start_time


async def open_queues(client: PrefectClient) -> dict[UUID, UUID]:
    """The pool's queues, each with the pool, of which every run may begin: neither is paused, nor limited."""
    try:
        pool = await client.read_work_pool(POOL)
        queues = await client.read_work_queues(work_pool_name=POOL)
    except ObjectNotFound:
        return {}
    if pool.is_paused or pool.concurrency_limit is not None:
        return {}
    return {queue.id: pool.id for queue in queues if not queue.is_paused and queue.concurrency_limit is None}


class Fixed(BaseJobConfiguration):
    """How a run is executed: `_submit_run` asks no pool, deployment or run, so there is nothing to configure."""


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

    async def setup(self) -> None:
        """One listener for cancellations, and one forkserver, for all runs."""
        self._nursery = Nursery()
        self._context = FlowRunExecutorContext()
        self._looking = asyncio.Lock()
        self._alarm: asyncio.Task[None] | None = None
        self._left_waiting = False
        self._under_way = 0
        self._executing: set[UUID] = set()
        # A flow's name never changes.
        self._names: dict[UUID, str] = {}
        # The queues that hold nothing back, and their pool, as of the last look.
        self._open: dict[UUID, UUID] = {}
        await super().setup()
        await self._exit_stack.enter_async_context(self._context)
        self._exit_stack.push_async_callback(self._nursery.close)
        self._in_background(self._nursery.warm)
        self._in_background(self._look_when_due)

    def _in_background(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        assert self._runs_task_group is not None  # noqa: S101 - Prefect's own setup makes it
        self._runs_task_group.start_soon(work)

    async def _look_when_due(self) -> None:
        count = ""
        while True:
            count, runs = await wait_until_due(self.client, count)
            await self._look(runs)

    async def _look(self, runs: list[UUID] | None = None) -> None:
        """Between two of the regular looks. A server that is gone just then is theirs to count, and to wait for."""
        try:
            await self._begin_what_is_due(runs)
        except httpx.HTTPError as error:
            self._logger.warning("Could not look what is due: %s", error)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Begin what is due, most urgent first.

        What is due by the clock Prefect hands out early; it is waited for here, and holds no process meanwhile.
        """
        return await self._begin_what_is_due()

    async def _begin_what_is_due(self, runs: list[UUID] | None = None) -> list[FlowRun]:
        # One look at a time: what an older one saw may have begun and suspended meanwhile.
        async with self._looking:
            if not self._has_successfully_synced:
                return await super().get_and_submit_flow_runs()
            found = await self._named(runs) if runs is not None and not self._left_waiting else None
            if found is None:
                found = await self._all_handed_out()
            self._last_polled_time = now("UTC")
            found = [one for one in found if one.flow_run.id not in self._submitting_flow_run_ids]
            due = [one for one in found if due_at(one.flow_run) <= self._last_polled_time]
            due.sort(key=lambda one: urgency(one.flow_run))
            begun = due[: max(AT_ONCE - self._under_way, 0)]
            self._left_waiting = len(begun) < len(due)
            self._under_way += len(begun)
            return await self._submit_scheduled_flow_runs(begun)

    async def _all_handed_out(self) -> list[WorkerFlowRunResponse]:
        """What the server hands out of the whole pool; it is asked which queues hold nothing back, too."""
        self._open = await open_queues(self.client)
        found = await self._get_scheduled_flow_runs()
        at = now("UTC")
        self._look_at(due_at(one.flow_run) for one in found if due_at(one.flow_run) > at)
        return found

    async def _named(self, runs: list[UUID]) -> list[WorkerFlowRunResponse] | None:
        """These runs, of which we were told: that costs the server a third of a look at the pool.

        None if one of them is not for us to begin now: then the server says what is.
        """
        found = []
        for run in runs:
            try:
                flow_run = await self.client.read_flow_run(run)
            except ObjectNotFound:
                continue
            if flow_run.work_pool_name != POOL or flow_run.state is None or not flow_run.state.is_scheduled():
                continue
            queue, due = flow_run.work_queue_id, flow_run.next_scheduled_start_time
            if queue is None or queue not in self._open or due is None or due > now("UTC"):
                return None
            found.append(WorkerFlowRunResponse(work_pool_id=self._open[queue], work_queue_id=queue, flow_run=flow_run))
        return found

    def _look_at(self, times: Iterable[datetime]) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if (first := min(times, default=None)) is not None:
            wait_s = (first - now("UTC")).total_seconds()
            # A task: where no task runs, as in a timer's callback, anyio begins none.
            self._alarm = asyncio.create_task(self._look_in(max(wait_s, 0)))

    async def _look_in(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        # What it finds sets the next one, and must not end this one.
        self._alarm = None
        await self._look()

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Claim the run, and execute it.

        Prefect's own asks for the deployment, says twice more what becomes of the run, and writes down two things that
        nobody reads: five questions to its server, while a person waits.
        """
        try:
            if await self._propose_pending_state(flow_run):
                await self._execute(flow_run)
        except Exception as error:  # whatever it is, the other runs go on
            self._logger.exception("Run %s could not be executed.", flow_run.id)
            await self._propose_crashed_state(flow_run, f"The worker could not execute it: {error}")
        finally:
            self._submitting_flow_run_ids.discard(flow_run.id)
            self._under_way -= 1
            if self._left_waiting:
                self._in_background(self._look)

    async def _execute(self, flow_run: FlowRun) -> None:
        """In a process of its own, beside another one of the same run if that one is believed dead."""
        if flow_run.id in self._executing:
            # What is shared knows one process a run.
            async with FlowRunExecutorContext() as own:
                await self._live_through(flow_run, own)
            return
        self._executing.add(flow_run.id)
        try:
            await self._live_through(flow_run, self._context)
        finally:
            self._executing.discard(flow_run.id)

    async def _live_through(self, flow_run: FlowRun, context: FlowRunExecutorContext) -> None:
        def begun() -> None:
            self._submitting_flow_run_ids.discard(flow_run.id)

        starter = ForkStarter(self._nursery, context.control_channel, await self._name_of(flow_run), begun)
        executor = context.create_executor(flow_run, starter, resolve_flow=self._resolve, propose_submitting=False)
        await executor.submit()

    async def _name_of(self, run: FlowRun) -> str:
        """What the run's flow is called on the server, whosever it is."""
        if run.flow_id not in self._names:
            self._names[run.flow_id] = (await self.client.read_flow(run.flow_id)).name
        return self._names[run.flow_id]

    async def _resolve(self, run: FlowRun) -> Flow[..., Any]:
        """Prefect asks for a flow's hooks after a crash, here in the worker itself: only ours is ever loaded."""
        name = await self._name_of(run)
        return await asyncio.to_thread(flow_of, run, name)

    async def run(self, flow_run: FlowRun, configuration: Fixed, task_status: Any = None) -> BaseWorkerResult:
        """Prefect's own way to begin a run; no run comes this way.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("Runs are begun by `_submit_run`.")


async def until_served() -> None:
    """Wait for Prefect's server; who waits is told once."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        if await client.api_healthcheck() is None:
            return
        print(f"Waiting for Prefect's server at {client.api_url} …", flush=True)
        while await client.api_healthcheck() is not None:
            await asyncio.sleep(ASKS_AGAIN_S)


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
    await until_served()
    await worker.start()


def main() -> None:
    """Work under the name that is given."""
    parser = argparse.ArgumentParser(prog="deployments.worker", description=__doc__)
    parser.add_argument("--name", default="worker", help="tells workers apart in Prefect")
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(work(parser.parse_args().name))


if __name__ == "__main__":
    main()
