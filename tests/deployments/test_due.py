"""The worker is called when a run becomes due, and takes the most urgent first."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Scheduled
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from deployments.due import PATH, rings_when_due, wait_until_due
from deployments.worker import urgency
from flows.run.clock import now


def answering(status: int) -> Starlette:
    """As Prefect's app has its API in it; it answers everything with that status."""
    app = Starlette()
    app.api_app = app  # type: ignore[attr-defined]

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(status_code=status)

    app.add_route("/{path:path}", answer, methods=["POST"])
    return app


def asking(path: str, status: int = 201, state: str = "SCHEDULED") -> str:
    """What a worker that waits is told after somebody has asked for `path`."""

    async def story() -> str:
        transport = httpx.ASGITransport(rings_when_due(answering(status)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            begun = (await client.get(PATH)).text
            waiting = asyncio.create_task(wait_until_due(_worker(client), begun))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            await client.post(path, json={"state": {"type": state}})
            try:
                return await asyncio.wait_for(waiting, 1)
            except TimeoutError:
                return ""

    return asyncio.run(story())


def _worker(client: httpx.AsyncClient) -> Any:
    return SimpleNamespace(_client=client)


@pytest.mark.parametrize(
    "path",
    [
        "/api/deployments/0192aabb/create_flow_run",
        "/api/flow_runs/0192aabb/resume",
        "/api/flow_runs/0192aabb/set_state",
        "/api/flow_runs/",
    ],
)
def test_it_is_called_when_a_run_may_have_become_due(path: str) -> None:
    assert asking(path) == "1"


@pytest.mark.parametrize("path", ["/api/logs/", "/api/flow_runs/filter", "/api/task_runs/"])
def test_it_is_left_alone_by_everything_else(path: str) -> None:
    assert asking(path) == ""


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED", "PAUSED"])
def test_it_is_left_alone_when_a_run_is_set_to_a_state_in_which_nothing_is_due(state: str) -> None:
    assert asking("/api/flow_runs/0192aabb/set_state", state=state) == ""


def test_it_is_left_alone_by_those_whom_the_server_refuses() -> None:
    assert asking("/api/flow_runs/", 401) == ""


def test_it_misses_no_call_while_it_looks() -> None:
    """A run that becomes due between two waits: the second is answered at once."""

    async def story() -> str:
        transport = httpx.ASGITransport(rings_when_due(answering(201)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            begun = (await client.get(PATH)).text
            await client.post("/api/flow_runs/")
            return await asyncio.wait_for(wait_until_due(_worker(client), begun), 1)

    assert asyncio.run(story()) == "1"


def run(due: datetime, severity: str | None = None, state: str = "Scheduled") -> FlowRun:
    parameters = {"severity": severity} if severity else {}
    scheduled: State[Any] = Scheduled(name=state, scheduled_time=due)
    return FlowRun(flow_id=uuid4(), parameters=parameters, state=scheduled, next_scheduled_start_time=due)  # type: ignore[arg-type]


def test_it_takes_the_most_urgent_first_and_lets_none_starve() -> None:
    at = now()
    worst, answered = run(at, "P0"), run(at, "P3", "Resuming")
    mild, watch = run(at, "P3"), run(at)
    long_due = run(at - timedelta(minutes=17), "P3")
    ordered = sorted([mild, watch, worst, answered, long_due], key=urgency)
    assert ordered == [long_due, answered, worst, watch, mild]
