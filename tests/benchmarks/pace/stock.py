"""The baselines: empty flows with Prefect's own worker on our server, and Prefect's bare server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx

from deployments.ports import free_port
from deployments.prefect_server import HOST
from deployments.stack import Stack
from tests.benchmarks.pace.processes import memory_mib, processor_s

POOL = "baseline"
ENDS_WITHIN_S = 300.0
SLEEPERS = 2
# Importing takes them seconds; by then they sleep, and still do.
ASLEEP_AFTER_S, ASLEEP_FOR_S = 15.0, 25.0


@dataclass(frozen=True)
class StockWorker:
    """Prefect's process worker, which asks each second; it shares our server."""

    pid: int
    server: int
    deployments: Mapping[str, UUID]

    def start_s(self) -> float:
        """From the trigger of an empty flow to its start."""
        from prefect.client.orchestration import get_client

        (run,) = self._begin("empty", 1)
        self._await([run])
        with get_client(sync_client=True) as client:
            seen = client.read_flow_run(run)
        assert seen.start_time is not None
        assert seen.created is not None
        return float((seen.start_time - seen.created).total_seconds())

    def start_processor_s(self) -> float:
        """Processor time for one empty flow: worker, flow-run process and server."""
        before = processor_s(self.pid) + processor_s(self.server)
        self._await(self._begin("empty", 1))
        time.sleep(2)
        return processor_s(self.pid) + processor_s(self.server) - before

    def burst_s(self, runs: int) -> float:
        """From the first trigger until that many empty flows have ended."""
        began = time.monotonic()
        self._await(self._begin("empty", runs))
        return time.monotonic() - began

    def run_mib(self) -> float:
        """What a flow-run process adds to what there is."""
        before = memory_mib(self.pid)
        runs = self._begin("asleep", SLEEPERS, seconds=ASLEEP_FOR_S)
        time.sleep(ASLEEP_AFTER_S)
        added = memory_mib(self.pid) - before
        self._await(runs)
        return added / SLEEPERS

    def _begin(self, flow: str, runs: int, **parameters: object) -> list[UUID]:
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            deployment = self.deployments[flow]
            return [client.create_flow_run_from_deployment(deployment, parameters=parameters).id for _ in range(runs)]

    def _await(self, runs: Sequence[UUID]) -> None:
        from prefect.client.orchestration import get_client

        until = time.monotonic() + ENDS_WITHIN_S
        with get_client(sync_client=True) as client:
            for run in runs:
                while (state := client.read_flow_run(run).state) is None or not state.is_final():
                    if time.monotonic() > until:
                        raise TimeoutError(f"Prefect's own worker did not end its runs within {ENDS_WITHIN_S:g} s.")
                    time.sleep(0.1)


@contextlib.contextmanager
def stock_worker(stack: Stack) -> Iterator[StockWorker]:
    """Beside our own worker; it makes its pool."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    environment = {**os.environ, **stack.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with _quiet(command, environment) as program:
        _wait_for_pool()
        yield StockWorker(program.pid, stack.supervisor.pid, dict(_deployed()))


def _deployed() -> Iterator[tuple[str, UUID]]:
    from prefect.client.orchestration import get_client

    from tests.benchmarks.empty import asleep, empty

    with get_client(sync_client=True) as client:
        for flow in (empty, asleep):
            deployment = client.create_deployment(
                flow_id=client.create_flow(flow),
                name="baseline",
                work_pool_name=POOL,
                entrypoint=f"tests.benchmarks.empty.{flow.name}",
            )
            yield flow.name, deployment


def _wait_for_pool() -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    until = time.monotonic() + ENDS_WITHIN_S
    with get_client(sync_client=True) as client:
        while time.monotonic() < until:
            with contextlib.suppress(ObjectNotFound):
                client.read_work_pool(POOL)
                return
            time.sleep(0.1)
    raise TimeoutError(f"Prefect's own worker did not make its pool within {ENDS_WITHIN_S:g} s.")


@contextlib.contextmanager
def _quiet(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    program = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield program
    finally:
        program.terminate()
        program.wait()


def second_bare_server_s(folder: Path) -> float:
    """Seconds until `prefect server start` answers that has its database already."""
    took = 0.0
    for _ in range(2):
        port = free_port()
        environment = {**os.environ, "PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        began = time.monotonic()
        with _quiet(command, environment):
            _wait_for_answer(f"http://{HOST}:{port}/api/health")
            took = time.monotonic() - began
    return took


def _wait_for_answer(url: str) -> None:
    until = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {ENDS_WITHIN_S:g} s.")
