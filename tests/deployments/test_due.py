"""The worker is called when a run becomes due, and takes the most urgent first."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Scheduled
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.called import Moves, wait_until_due
from deployments.due import DUE, MOVED, Bell, rings_when_due
from deployments.worker import urgency
from flows.run.clock import now

BEGUN, WOKEN = "0192aabb-0000-7000-8000-000000000001", "0192aabb-0000-7000-8000-000000000002"
# Whoever is not called by then is left alone: what calls is in this process.
QUIET_S = 0.5


def answering(status: int) -> Starlette:
    """As Prefect's app has its API in it; it answers everything with that status."""
    app = Starlette()
    app.api_app = app  # type: ignore[attr-defined]

    async def answer(request: Request) -> Response:
        await request.body()
        return JSONResponse({"id": BEGUN}, status_code=status)

    app.add_route("/{path:path}", answer, methods=["POST", "PATCH", "DELETE"])
    return app


def asking(
    path: str, status: int = 201, state: str = "SCHEDULED", method: str = "POST", within_s: float = 60
) -> tuple[str, Any] | None:
    """What a worker that waits is told after somebody has asked for `path`; None if it is left alone."""

    async def story() -> tuple[str, Any] | None:
        async with served(status) as client:
            begun = (await client.get(DUE)).json()["count"]
            waiting = asyncio.create_task(wait_until_due(_worker(client), str(begun)))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            await client.request(method, path, json={"state": {"type": state}})
            try:
                return await asyncio.wait_for(waiting, within_s)
            except TimeoutError:
                return None

    return asyncio.run(story())


def served(status: int) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(rings_when_due(answering(status)))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def _worker(client: httpx.AsyncClient) -> Any:
    return SimpleNamespace(_client=client)


@pytest.mark.parametrize(
    ("path", "run"),
    [
        ("/api/deployments/0192aabb/create_flow_run", BEGUN),
        ("/api/flow_runs/", BEGUN),
        (f"/api/flow_runs/{WOKEN}/resume", WOKEN),
        (f"/api/flow_runs/{WOKEN}/set_state", WOKEN),
    ],
)
def test_it_is_called_when_a_run_may_have_become_due_and_told_which(path: str, run: str) -> None:
    assert asking(path) == ("1", [UUID(run)])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/deployments/0192aabb/create_flow_run/bulk"),
        ("POST", "/api/deployments/0192aabb/schedule"),
        ("POST", "/api/flow_runs/bulk_set_state"),
        ("PATCH", "/api/work_pools/incident"),
        ("PATCH", "/api/work_pools/incident/queues/default"),
        ("PATCH", "/api/work_queues/0192aabb"),
    ],
)
def test_it_is_told_to_look_at_everything_where_no_run_is_named(method: str, path: str) -> None:
    """Many at once; and a pool or a queue that is paused, or let go on."""
    assert asking(path, method=method) == ("1", None)


@pytest.mark.parametrize("path", ["/api/logs/", "/api/flow_runs/filter", "/api/task_runs/", "/api/flow_runs/x/input"])
def test_it_is_left_alone_by_everything_else(path: str) -> None:
    assert asking(path, within_s=QUIET_S) is None


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED", "PAUSED"])
def test_it_is_left_alone_when_a_run_is_set_to_a_state_in_which_nothing_is_due(state: str) -> None:
    assert asking(f"/api/flow_runs/{WOKEN}/set_state", state=state, within_s=QUIET_S) is None


def test_it_is_left_alone_by_those_whom_the_server_refuses() -> None:
    assert asking("/api/flow_runs/", 401, within_s=QUIET_S) is None


def test_it_misses_no_call_while_it_looks() -> None:
    """Runs that become due between two waits: the second is answered at once, with all of them."""

    async def story() -> tuple[str, Any]:
        async with served(201) as client:
            begun = (await client.get(DUE)).json()["count"]
            await client.post("/api/flow_runs/")
            await client.post(f"/api/flow_runs/{WOKEN}/resume")
            return await asyncio.wait_for(wait_until_due(_worker(client), str(begun)), 60)

    assert asyncio.run(story()) == ("2", [UUID(BEGUN), UUID(WOKEN)])


@pytest.mark.parametrize("after", ["", "7", "-1", "²", "x"])
def test_whoever_cannot_say_what_they_heard_last_looks_at_everything(after: str) -> None:
    bell = Bell()
    bell.ring(WOKEN)
    assert bell._since(after) is None


def test_whoever_slept_through_too_many_calls_looks_at_everything() -> None:
    bell = Bell()
    for _ in range(65):
        bell.ring(WOKEN)
    assert bell._since("0") is None
    assert bell._since("1") == [WOKEN]


@pytest.mark.parametrize(
    ("method", "path", "moves"),
    [
        ("POST", f"/api/flow_runs/{WOKEN}/set_state", True),
        ("POST", f"/api/flow_runs/{WOKEN}/input", True),
        ("PATCH", f"/api/flow_runs/{WOKEN}", True),
        ("DELETE", f"/api/flow_runs/{WOKEN}", True),
        ("POST", "/api/flow_runs/bulk_delete", True),
        ("POST", "/api/deployments/0192aabb/create_flow_run", True),
        ("POST", "/api/flow_runs/filter", False),
        ("POST", "/api/flow_runs/count", False),
        ("POST", "/api/logs/", False),
    ],
)
def test_the_recoverer_is_told_of_every_change_to_a_run(method: str, path: str, moves: bool) -> None:
    async def story() -> Any:
        async with served(200) as client:
            await client.request(method, path, json={"state": {"type": "RUNNING"}})
            return (await client.get(MOVED, params={"after": "0" if moves else ""})).json()

    told = asyncio.run(story())
    assert told["count"] == int(moves)
    if moves:
        which = BEGUN if "create" in path else WOKEN
        assert told["runs"] == (None if "bulk" in path else [which])


@pytest.mark.parametrize("path", ["/api/work_pools/incident", "/api/work_queues/0192aabb"])
def test_the_recoverer_is_told_of_no_valve(path: str) -> None:
    async def story() -> Any:
        async with served(200) as client:
            await client.patch(path, json={"is_paused": True})
            return (await client.get(MOVED)).json()["count"]

    assert asyncio.run(story()) == 0


def test_what_the_recoverer_hears_adds_up() -> None:
    moves = Moves()
    assert moves.seen() is None
    moves._note([UUID(BEGUN)])
    moves._note([UUID(WOKEN)])
    assert moves.seen() == {BEGUN, WOKEN}
    assert moves.seen() == set()
    moves._note(None)
    moves._note([UUID(WOKEN)])
    assert moves.seen() is None


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
