"""Many incidents at once: a clockwork's, each asked six questions and then waiting for an answer that nobody gives."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx

from deployments.commands.context import Here
from deployments.process_table import processes
from deployments.stack import Stack
from flows.case.question import Decision, question_from
from flows.gate.reply import reply
from flows.run.trigger import trigger
from tests.benchmarks.pace.environments import APPROVER
from tests.benchmarks.pace.incident import since
from tests.benchmarks.pace.processes import memory_mib, percent_of_a_core, processor_s

SLUG = "bench/clockwork-stands"
WAITS_WITHIN_S = 1800.0
TRIGGERED_AT_ONCE = 8
RUNNING = 4
# They have asked their questions by then, and still wait for the answers.
RUNNING_AFTER_S = 8.0
LOOKED_AT_FOR_S = 60.0


@dataclass
class Crowd:
    """What happened to many incidents."""

    incidents: list[str] = field(default_factory=list)
    seconds: float = 0.0
    processor_s: float = 0.0
    most_processes: int = 0
    slowest_page_s: float = 0.0


def begin(environment: str, incidents: int) -> list[str]:
    """Their ids."""
    with ThreadPoolExecutor(TRIGGERED_AT_ONCE) as pool:
        begun = pool.map(lambda _: trigger(SLUG, {"environment": environment}), range(incidents))
        return [str(run) for run in begun]


def questions_to_plan_s(here: Here, environment: str) -> float:
    """Seconds from the trigger to the plan at its gate."""
    from prefect.client.orchestration import get_client

    (incident,) = begin(environment, 1)
    _await_questions(here, [incident])
    with get_client(sync_client=True) as client:
        triggered = client.read_flow_run(UUID(incident)).created
    assert triggered is not None
    asked = next(entry for entry in here.journal().read(incident) if entry.kind == "asked")
    return since(triggered.isoformat(), asked.at)


def running_mib(stack: Stack, here: Here) -> float:
    """What each further incident adds to a stack while it runs."""
    before = memory_mib(stack.supervisor.pid)
    incidents = begin("long", RUNNING)
    time.sleep(RUNNING_AFTER_S)
    added = memory_mib(stack.supervisor.pid) - before
    _await_questions(here, incidents)
    return added / RUNNING


def burst(stack: Stack, here: Here, incidents: int) -> Crowd:
    """Trigger so many at once, and wait until each of them waits.

    Raises:
        TimeoutError: some are lost.
    """
    crowd = Crowd()
    spent, began = processor_s(stack.supervisor.pid), time.monotonic()
    crowd.incidents = begin("moment", incidents)
    for _ in _until_they_wait(here, crowd.incidents):
        crowd.most_processes = max(crowd.most_processes, len(list(_of_runs())))
        crowd.slowest_page_s = max(crowd.slowest_page_s, _page_s(stack))
    crowd.seconds = time.monotonic() - began
    crowd.processor_s = processor_s(stack.supervisor.pid) - spent
    return crowd


def waiting_percent(stack: Stack) -> float:
    """What a stack takes of a core whose incidents wait."""
    return percent_of_a_core(stack.supervisor.pid, LOOKED_AT_FOR_S)


def answer_to_intent_s(here: Here, incident: str) -> float:
    """Approve one of them; seconds from the answer to the intent."""
    asked = next(entry for entry in here.journal().read(incident) if entry.kind == "asked")
    reply(question_from(asked, "moment"), Decision.APPROVE, APPROVER, "Bench.")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        entries = {entry.kind: entry for entry in here.journal().read(incident)}
        if "intent" in entries:
            return since(str(entries["answered"].body["decided_at"]), entries["intent"].at)
        time.sleep(0.2)
    raise TimeoutError(f"Incident {incident} did not act within a minute of its answer.")


def _await_questions(here: Here, incidents: Sequence[str]) -> None:
    for _ in _until_they_wait(here, incidents):
        pass


def _until_they_wait(here: Here, incidents: Sequence[str]) -> Iterator[int]:
    left, until = set(incidents), time.monotonic() + WAITS_WITHIN_S
    while left:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(left)} of {len(incidents)} incidents did not come to wait.")
        # Some at each look: reading them all is no small work, and would take the processor from them.
        for incident in list(left)[:20]:
            if any(entry.kind == "asked" for entry in here.journal().read(incident)):
                left.discard(incident)
        yield len(left)
        time.sleep(0.25)


def _of_runs() -> Iterator[int]:
    """Named by the process itself (deployments/forkserver.py)."""
    for process in processes():
        with contextlib.suppress(OSError):  # it ended while we looked
            if Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8").startswith("run "):
                yield process.pid


def _page_s(stack: Stack) -> float:
    """What the first page of the UI waits for."""
    began = time.monotonic()
    httpx.get(f"{stack.ui_url}/api/admin/version", trust_env=False, timeout=60).raise_for_status()
    return time.monotonic() - began
