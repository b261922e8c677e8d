"""How long an incident waits for machinery, against an empty flow on the same server and Prefect's own worker.

    python -m tests.benchmarks.incident [ROUNDS]

Prints medians: trigger → first finding and answer → intent, each beside an empty flow's trigger → start in the same
run, and the proportional memory (PSS) of the whole stack. One machine's seconds say little; the ratios travel.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.process_table import descendants
from deployments.publish import publish
from deployments.stack import Stack

SLUG = "database/blocked-sessions"
ENDS_WITHIN_S = 60.0
STOCK_POOL = "baseline"


@contextlib.contextmanager
def stock_worker(stack: Stack) -> Iterator[None]:
    """Prefect's own worker beside ours, which executes no flow but ours; it makes its pool."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", STOCK_POOL, "--type", "process"]
    environment = {**os.environ, **stack.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_pool()
        yield
    finally:
        worker.terminate()
        worker.wait()


def wait_for_pool() -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    until = time.monotonic() + ENDS_WITHIN_S
    with get_client(sync_client=True) as client:
        while time.monotonic() < until:
            with contextlib.suppress(ObjectNotFound):
                client.read_work_pool(STOCK_POOL)
                return
            time.sleep(0.1)
    raise TimeoutError(f"Prefect's own worker did not make its pool within {ENDS_WITHIN_S:g} s.")


def empty_flow() -> Callable[[], float]:
    """Deploys the empty flow; each call runs it once and returns the seconds from its trigger to its start."""
    from prefect.client.orchestration import get_client

    from tests.benchmarks.empty import empty

    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            flow_id=client.create_flow(empty),
            name="baseline",
            work_pool_name=STOCK_POOL,
            entrypoint="tests.benchmarks.empty.empty",
        )

    def once() -> float:
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(deployment)
            until = time.monotonic() + ENDS_WITHIN_S
            while time.monotonic() < until:
                seen = client.read_flow_run(run.id)
                if seen.state is not None and seen.state.is_final() and seen.start_time and run.created:
                    return float((seen.start_time - run.created).total_seconds())
                time.sleep(0.1)
        raise TimeoutError(f"The empty flow did not end within {ENDS_WITHIN_S:g} s.")

    return once


def one_drill(here: Here) -> str:
    """A whole drill on the real server, worker and gate; the incident's id."""
    from flows.drill import drill_approver, rehearse, rehearsed_step

    catalogued = here.catalog.get(SLUG)
    place = here.config.environment("lab")
    drill = catalogued.runbook.drills[0]
    approver = drill_approver(place, rehearsed_step(catalogued, drill))
    result = rehearse(
        catalogued, drill, place, here.journal(place), approver, lambda _entry: None, within_s=ENDS_WITHIN_S
    )
    if not result.passed:
        raise RuntimeError(f"The drill ended {result.ending}; its figures mean nothing.")
    return result.incident


def one_incident(here: Here) -> tuple[float, float]:
    """A whole drill: seconds from trigger to the first finding, and from the answer to the intent."""
    from prefect.client.orchestration import get_client

    incident = one_drill(here)
    with get_client(sync_client=True) as client:
        triggered = client.read_flow_run(UUID(incident)).created
    entries = here.journal().read(incident)
    found = next(entry for entry in entries if entry.kind == "finding")
    answered = next(entry for entry in entries if entry.kind == "answered")
    intent = next(entry for entry in entries if entry.kind == "intent")
    decided_at = str(answered.body["decided_at"])
    assert triggered is not None
    return _since(triggered.isoformat(), found.at), _since(decided_at, intent.at)


def _since(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def memory_mib(supervisor: int) -> float:
    """Proportional set size of a supervisor and everything below it; Linux only."""
    total = 0
    for pid in {supervisor, *descendants(supervisor)}:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main(rounds: int) -> None:
    """Run and print; every process it starts ends with it."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        began = time.monotonic()
        with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False) as lab:
            started = time.monotonic() - began
            adopt(home)
            speak_to(stack)
            here = Here(home)
            publish(here.catalog, here.config)
            idle = memory_mib(stack.supervisor.pid), memory_mib(lab.supervisor.pid)
            baseline, to_finding, to_intent = [], [], []
            with stock_worker(stack):
                once = empty_flow()
                for _ in range(rounds):
                    baseline.append(once())
                    first, second = one_incident(here)
                    to_finding.append(first)
                    to_intent.append(second)
    _print(rounds, started, idle, baseline, to_finding, to_intent)


def _print(
    rounds: int, started: float, idle: tuple[float, float], baseline: list[float], *measured: list[float]
) -> None:
    usual = statistics.median(baseline)
    table = Table(title=f"Medians of {rounds} rounds (seconds)")
    for column in ("what", "median", "min", "max", "ratio to an empty flow's trigger → start"):
        table.add_column(column)
    rows = dict(
        zip(
            ("empty flow: trigger → start", "trigger → first finding", "answer → intent"),
            (baseline, *measured),
            strict=True,
        )
    )
    for name, values in rows.items():
        middle = statistics.median(values)
        table.add_row(name, f"{middle:.2f}", f"{min(values):.2f}", f"{max(values):.2f}", f"{middle / usual:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"Start of an empty stack and lab: {started:.1f} s. PSS idle: stack {idle[0]:.0f} MiB, lab {idle[1]:.0f} MiB."
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
