"""How long people wait for machinery, and what it costs, each figure beside its baseline in the same run.

    python -m tests.benchmarks.pace [ROUNDS] [--json FILE]

Prints medians; the file holds them by the same names. An incident's figures stand beside an empty flow's trigger →
start with Prefect's own worker on the same server; the start of a stack that was up before, beside Prefect's bare
server that was. Memory is proportional (PSS). One machine's seconds say little; the ratios travel.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.prefect_server import HOST
from deployments.process_table import descendants
from deployments.publish import publish
from deployments.stack import Stack

SLUG = "database/blocked-sessions"
ENDS_WITHIN_S = 60.0
STOCK_POOL = "baseline"
# The worker's processes are forked by then, and what the start left to do is done.
SETTLES_WITHIN_S = 20.0
RESTS_FOR_S = 60.0
BASELINES = {
    "trigger_to_first_finding_s": "empty_stock_start_s",
    "answer_to_intent_s": "empty_stock_start_s",
    "second_up_s": "second_bare_server_start_s",
}


@contextlib.contextmanager
def stock_worker(stack: Stack) -> Iterator[None]:
    """Prefect's own worker beside ours, which executes no flow but ours; it makes its pool."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", STOCK_POOL, "--type", "process"]
    with _quiet(command, {**os.environ, **stack.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"}):
        wait_for_pool()
        yield


@contextlib.contextmanager
def _quiet(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    program = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        program.terminate()
        program.wait()


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


def processor_s(supervisor: int) -> float:
    """Processor time that a supervisor and everything below it have taken so far; Linux only."""
    taken = 0
    for pid in {supervisor, *descendants(supervisor)}:
        with contextlib.suppress(FileNotFoundError):  # it ended while we looked
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            taken += int(fields[11]) + int(fields[12])
    return taken / os.sysconf("SC_CLK_TCK")


def at_rest(stack: Stack) -> dict[str, float]:
    """What a stack costs that has nothing to do: memory, and part of a core."""
    time.sleep(SETTLES_WITHIN_S)
    before = processor_s(stack.supervisor.pid)
    time.sleep(RESTS_FOR_S)
    spent = processor_s(stack.supervisor.pid) - before
    return {"idle_stack_mib": memory_mib(stack.supervisor.pid), "idle_stack_percent": 100 * spent / RESTS_FOR_S}


def second_bare_server_s(folder: Path) -> float:
    """Seconds until `prefect server start` answers that has its database already."""
    took = 0.0
    for _ in range(2):
        port = free_port()
        environment = {**os.environ, "PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        began = time.monotonic()
        with _quiet(command, environment):
            wait_for_answer(f"http://{HOST}:{port}/api/health")
            took = time.monotonic() - began
    return took


def wait_for_answer(url: str) -> None:
    until = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {ENDS_WITHIN_S:g} s.")


def measured(rounds: int) -> dict[str, list[float]]:
    """Every figure by its key, one value a round; every process it starts ends with it."""
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        with servers.up(home, daemon=False):
            Stack.up(home, port=free_port()).close()
            found["second_bare_server_start_s"].append(second_bare_server_s(Path(folder) / "bare"))
            began = time.monotonic()
            with Stack.up(home, port=free_port()) as stack:
                found["second_up_s"].append(time.monotonic() - began)
                for name, value in at_rest(stack).items():
                    found[name].append(value)
                _live(stack, home, rounds, found)
    return found


def _live(stack: Stack, home: Home, rounds: int, found: dict[str, list[float]]) -> None:
    adopt(home)
    speak_to(stack)
    here = Here(home)
    publish(here.catalog, here.config)
    with stock_worker(stack):
        once = empty_flow()
        for _ in range(rounds):
            found["empty_stock_start_s"].append(once())
            first, second = one_incident(here)
            found["trigger_to_first_finding_s"].append(first)
            found["answer_to_intent_s"].append(second)


def table(found: Mapping[str, list[float]]) -> Table:
    """Medians, and beside what has a baseline the ratio to it."""
    shown = Table("figure", "median", "min", "max", "of its baseline", title="The pace")
    for name, values in found.items():
        middle = statistics.median(values)
        ratio = f"{middle / statistics.median(found[BASELINES[name]]):.2f}" if name in BASELINES else ""
        shown.add_row(name, f"{middle:.2f}", f"{min(values):.2f}", f"{max(values):.2f}", ratio)
    return shown


def main() -> None:
    """Measure, print, and write the medians where they are wanted."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.pace")
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    found = measured(given.rounds)
    Console().print(table(found))
    if given.json:
        medians = {name: statistics.median(values) for name, values in found.items()}
        given.json.write_text(json.dumps(medians, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
