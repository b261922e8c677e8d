"""Prefect's server, which is ours to serve, calls those who wait: a run has become due, or anything about one changed.

Whoever only polls finds a new run half its interval late, and costs the more the less late that is. So a worker asks
for `DUE`, and is answered when a request was taken that may have made runs due: begun, resumed, set to another state.
It is told which, and may look at nothing else. What becomes due by the clock Prefect hands out early; whatever else is
missed the worker's own look finds, seconds later. The recoverer asks for `MOVED`: which runs were changed in any way
(deployments/called.py).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx
from starlette.responses import JSONResponse, PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Under Prefect's own API, so that its login guards these, too.
DUE = "/incident/due"
MOVED = "/incident/moved"
# Shorter than any proxy's patience, long enough to cost nothing.
WAIT_S = 25.0
# Those who wait are workers and recoverers; more than this are not ours.
MOST_WAITING = 64
# So many calls are remembered one by one; who slept through more looks at everything.
REMEMBERED = 64
# How requests end that make one run due; it is named in the answer, or in the path.
BEGINS = ("/create_flow_run", "/flow_runs", "/flow_runs/")
WAKES = ("/resume", "/set_state")
# Many at once, or one that is not named.
MANY = ("/create_flow_run/bulk", "/bulk_set_state", "/schedule")
# Every run sets several states, and a look costs the server more than each of them: the request names what it sets.
SETS_A_STATE = "/set_state"
SCHEDULED = b'"SCHEDULED"'
# Pausing a pool or a queue, or letting it go on.
VALVES = ("/work_pools/", "/work_queues/")
# How requests about runs end that change nothing.
READS = ("/filter", "/count", "/history", "/lateness", "/paginate")
_OF_A_RUN = re.compile(r"/flow_runs/([0-9a-fA-F-]{36})(?:/|$)")
# A run is some kilobytes; of an answer that is longer nobody reads the id.
LONGEST_ANSWER = 1 << 20


class Bell:
    """Counts the calls, each about one run or about nobody knows which; rings for all who wait."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._count = 0
        self._waiting = 0
        self._calls: deque[str | None] = deque(maxlen=REMEMBERED)

    def ring(self, run: str | None = None) -> None:
        """Call, about that run."""
        self._count += 1
        self._calls.append(run)
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, request: Request) -> Response:
        """The count, as soon as it is another one than the asker's `after`, and the runs called about since.

        The same count after WAIT_S. `runs` is null where they are not all known: whoever asks looks at everything.
        """
        if self._waiting >= MOST_WAITING:
            return PlainTextResponse("Too many wait already.\n", status_code=429)
        self._waiting += 1
        after = request.query_params.get("after", "")
        try:
            if after == str(self._count):
                await asyncio.wait_for(self._rung.wait(), WAIT_S)
        except TimeoutError:
            pass  # the asker asks again, and so finds out that we are still there
        finally:
            self._waiting -= 1
        return JSONResponse({"count": self._count, "runs": self._since(after)})

    def _since(self, after: str) -> list[str] | None:
        missed = self._count - int(after) if after.isascii() and after.isdigit() else -1
        if not 0 <= missed <= len(self._calls):
            return None
        calls = list(self._calls)[len(self._calls) - missed :]
        runs = [run for run in calls if run is not None]
        return list(dict.fromkeys(runs)) if len(runs) == len(calls) else None


class Rings:
    """Rings the bells after each request that may have made a run due, or changed one, once its answer is out."""

    def __init__(self, app: ASGIApp, due: Bell, moved: Bell) -> None:
        self.app, self.due, self.moved = app, due, moved

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _changes_a_run(scope):
            await self.app(scope, receive, send)
            return
        call = Call(scope["path"], scope["method"])
        if call.named_in_answer:
            # So that it can be read.
            scope["headers"] = [header for header in scope["headers"] if header[0] != b"accept-encoding"]

        async def asked() -> Message:
            return call.asked(await receive())

        async def answered(message: Message) -> None:
            await send(call.answered(message))

        await self.app(scope, asked, answered)
        # Whoever has no login makes nothing due, and is not to keep the workers busy.
        if call.taken:
            run = call.run()
            if not call.valve:
                self.moved.ring(run)
            if call.due:
                self.due.ring(run)


def _changes_a_run(scope: Scope) -> bool:
    path, method = scope["path"], scope["method"]
    if method == "PATCH" and any(valve in path for valve in VALVES):
        return True
    return method in ("POST", "PATCH", "DELETE") and _of_runs(path) and not path.rstrip("/").endswith(READS)


def _of_runs(path: str) -> bool:
    return "/flow_runs/" in path or path.endswith((*BEGINS, *MANY))


class Call:
    """One request: whether it was taken, made a run due, and which."""

    def __init__(self, path: str, method: str) -> None:
        self.path = path
        self.taken = False
        self.named_in_answer = method == "POST" and path.endswith(BEGINS)
        self.valve = any(valve in path for valve in VALVES)
        wakes = path.endswith((*WAKES, *MANY)) and not path.endswith(SETS_A_STATE)
        self.due = self.valve or self.named_in_answer or wakes
        self._answer = b""

    def asked(self, message: Message) -> Message:
        if self.path.endswith(SETS_A_STATE):
            self.due = self.due or SCHEDULED in message.get("body", b"")
        return message

    def answered(self, message: Message) -> Message:
        if message["type"] == "http.response.start":
            self.taken = message["status"] < httpx.codes.BAD_REQUEST
        elif self.named_in_answer and len(self._answer) < LONGEST_ANSWER:
            self._answer += message.get("body", b"")
        return message

    def run(self) -> str | None:
        """Its id, if it is known."""
        if not self.named_in_answer:
            found = _OF_A_RUN.search(self.path)
            return found[1] if found and not self.path.endswith(MANY) else None
        try:
            return str(json.loads(self._answer)["id"])
        except (ValueError, TypeError, KeyError):
            return None  # then everything is looked at


def rings_when_due(app: Any) -> ASGIApp:
    """Prefect's app with the bells in it."""
    due, moved = Bell(), Bell()
    app.api_app.add_route(DUE, due.wait, include_in_schema=False)
    app.api_app.add_route(MOVED, moved.wait, include_in_schema=False)
    return Rings(app, due, moved)
