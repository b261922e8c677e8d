"""A run has become due: Prefect's server, which is ours to serve, calls the workers that wait for one.

A worker that only polls finds a new run half its interval late, and costs the more the less late that is. So it asks
for `PATH`, and is answered when a request was taken that may have made a run due: begun, resumed, set to another
state. The answer is a count and says nothing more; what is due the worker asks as ever. What becomes due by the clock
Prefect hands out early, and whatever else is missed the worker's own look finds, seconds later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Under Prefect's own API, so that its login guards this, too.
PATH = "/incident/due"
# Shorter than any proxy's patience, long enough to cost nothing.
WAIT_S = 25.0
# Those who wait are workers; more than this are not ours.
MOST_WAITING = 64
# After a call that failed: the server is gone for seconds.
AGAIN_S = 1.0
# How requests end that make a run due: for one run or for many, from a deployment or not.
ENDINGS = ("/create_flow_run", "/create_flow_run/bulk", "/flow_runs", "/resume", "/set_state", "/schedule")
# Every run sets several states, and a look costs the server more than each of them: the request names what it sets.
SETS_A_STATE = "/set_state"
SCHEDULED = b'"SCHEDULED"'


class Bell:
    """Counts the calls; rings for all who wait."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._count = 0
        self._waiting = 0

    def ring(self) -> None:
        """Call."""
        self._count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, request: Request) -> Response:
        """The count, as soon as it is another one than the asker's `after`; the same one after WAIT_S."""
        if self._waiting >= MOST_WAITING:
            return PlainTextResponse("Too many wait already.\n", status_code=429)
        self._waiting += 1
        try:
            if request.query_params.get("after") == str(self._count):
                await asyncio.wait_for(self._rung.wait(), WAIT_S)
        except TimeoutError:
            pass  # the asker asks again, and so finds out that we are still there
        finally:
            self._waiting -= 1
        return PlainTextResponse(str(self._count))


class RingsWhenDue:
    """Rings the bell after each request that may have made a run due, once its answer is out."""

    def __init__(self, app: ASGIApp, bell: Bell) -> None:
        self.app, self.bell = app, bell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith(ENDINGS):
            await self.app(scope, receive, send)
            return
        taken, due = False, not scope["path"].endswith(SETS_A_STATE)

        async def asked() -> Message:
            nonlocal due
            message = await receive()
            due = due or SCHEDULED in message.get("body", b"")
            return message

        async def answered(message: Message) -> None:
            nonlocal taken
            if message["type"] == "http.response.start":
                # Whoever has no login makes nothing due, and is not to keep the workers busy.
                taken = message["status"] < httpx.codes.BAD_REQUEST
            await send(message)

        await self.app(scope, asked, answered)
        if taken and due:
            self.bell.ring()


def rings_when_due(app: Any) -> ASGIApp:
    """Prefect's app with the bell in it."""
    bell = Bell()
    app.api_app.add_route(PATH, bell.wait, include_in_schema=False)
    return RingsWhenDue(app, bell)


async def wait_until_due(client: PrefectClient, after: str) -> str:
    """The bell's count, when a run may have become due since it was `after`. A server that is gone is waited for."""
    while True:
        try:
            answer = await client._client.get(PATH, params={"after": after}, timeout=WAIT_S + 10)
            if answer.is_success and answer.text != after:
                return answer.text
        except httpx.HTTPError:
            await asyncio.sleep(AGAIN_S)
        else:
            await asyncio.sleep(0 if answer.is_success else AGAIN_S)
