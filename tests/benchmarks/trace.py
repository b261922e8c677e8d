"""Where the milliseconds of one incident go, from its trigger to the first finding and from the answer to the intent.

    python -m tests.benchmarks.trace [ROUNDS]

Every moment is one that is recorded anyway: Prefect's states, its task runs, the journal's entries. Shown are medians.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.publish import publish
from deployments.stack import Stack
from tests.benchmarks.pace.incident import one_drill

Moment = tuple[str, datetime]


def moments(here: Here, incident: str) -> tuple[list[Moment], list[Moment]]:
    """What happened when: from the trigger to the first finding, and from the answer to the intent.

    Each name says what was over at that moment, and so what the time before it went to.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        states = sorted(client.read_flow_run_states(UUID(incident)), key=lambda state: state.timestamp)
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(incident)])))
    resumed = max(n for n, state in enumerate(states) if state.name == "Resuming")
    began = [task.start_time for task in tasks if task.start_time is not None]
    record = {entry.kind: datetime.fromisoformat(entry.at) for entry in reversed(here.journal().read(incident))}
    first, second = states[:resumed], states[resumed:]
    to_finding = [
        ("the trigger", first[0].timestamp),
        *_claimed(first[1:]),
        ("configuration, catalog, the journal's lock", record["opened"]),
        ("what was known before; the first question begins", min(began)),
        ("the question, and its entry", record["finding"]),
    ]
    looked = [begin for begin in began if begin > second[0].timestamp]
    to_intent = [
        ("the answer", second[0].timestamp),
        *_claimed(second[1:]),
        ("the answer is read, checked and recorded", record["answered"]),
        ("the look whether the fault is still there begins", min(looked)),
        ("the look", record["look"]),
        ("the plan made again, the turn, the intent", record["intent"]),
    ]
    return to_finding, to_intent


def _claimed(states: Sequence[object]) -> Iterator[Moment]:
    named = {"Pending": "the worker is called, and claims the run", "Running": "a process takes it, and begins"}
    for state in states:
        name = str(getattr(state, "name", ""))
        if name in named:
            yield named.pop(name), state.timestamp  # type: ignore[attr-defined]


def spent(moments: Sequence[Moment]) -> Iterator[tuple[str, float]]:
    """Milliseconds by what they went to."""
    for (_, before), (name, after) in pairwise(moments):
        yield name, (after.astimezone(UTC) - before.astimezone(UTC)).total_seconds() * 1000


def main(rounds: int) -> None:
    """Run and print; every process it starts ends with it."""
    parts: tuple[dict[str, list[float]], dict[str, list[float]]] = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False):
            adopt(home)
            speak_to(stack)
            here = Here(home)
            publish(here.catalog, here.config)
            for _ in range(rounds):
                for part, known in zip(parts, moments(here, one_drill(here)), strict=True):
                    for name, milliseconds in spent(known):
                        part[name].append(milliseconds)
    for title, part in zip(("trigger → first finding", "answer → intent"), parts, strict=True):
        _print(f"{title}, medians of {rounds}", part)


def _print(title: str, part: dict[str, list[float]]) -> None:
    table = Table("what the time went to", "ms", title=title)
    middle = {name: statistics.median(values) for name, values in part.items()}
    for name, milliseconds in middle.items():
        table.add_row(name, f"{milliseconds:.0f}")
    table.add_row("in all", f"{sum(middle.values()):.0f}", style="bold")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
