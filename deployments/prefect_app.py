"""Prefect's server for this machine's own programs and pages: `python -P -m deployments.prefect_app`.

It listens on loopback, and yet every web page in a browser here reaches it. Prefect itself asks such pages for a CSRF
token, and lets the browser keep its answers from them; two ways past both are closed here:
- a page whose own name was pointed at 127.0.0.1 (DNS rebinding) counts as ours for the browser, but names its host;
- websockets know neither CORS nor tokens: a page elsewhere could read logs and events, or pass for a worker.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from deployments.due import rings_when_due
from deployments.prefect_server import HOST, ui_url
from deployments.service_loops import tell_loops
from deployments.timezones import remember_timezones

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# As a browser names this machine when nobody else resolved the name.
NAMES = (HOST, "localhost")
# Docket, which comes with Prefect, looks every 250 ms as shipped.
LOOKS_EVERY = timedelta(seconds=1)


class OwnPagesOnly:
    """Lets through what names this machine as its host, and comes from no page or from our own."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app, self.origin = app, origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self._ours(Headers(scope=scope)):
            refusal = PlainTextResponse("Only this machine's own programs and pages may ask here.\n", status_code=403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _ours(self, headers: Headers) -> bool:
        host, origin = headers.get("host", "").partition(":")[0], headers.get("origin")
        return host.lower() in NAMES and origin in (None, self.origin)


def taken() -> socket.socket:
    """The port in the environment, ours from now on; ends the process when it is somebody else's."""
    port = int(os.environ["PREFECT_SERVER_API_PORT"])
    # asyncio looks at this number before it turns Nagle's algorithm off: without it each answer is 40 ms late.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        sys.exit(f"Another program has taken port {port} meanwhile. Start again, or see who it is: `ss -tlnp`.")
    return listener


def look_less_often() -> None:
    """Have Prefect's loops looked for four times less often. To be called before the server starts.

    Each comes round every five seconds at the soonest; looking which is due was a fifth of an idle server's work.
    """
    from docket import Worker
    from prefect.server.api import background_workers

    worker = functools.partial(Worker, scheduling_resolution=LOOKS_EVERY, minimum_check_interval=LOOKS_EVERY)
    background_workers.Worker = worker  # type: ignore[assignment, attr-defined]  # only ever called


def main() -> None:
    """Serve until told to stop; all settings are in the environment (deployments/prefect_server.py)."""
    # First of all: importing Prefect takes seconds, in which somebody else could get hold of the port.
    listener = taken()
    import uvicorn
    from prefect.logging.configuration import setup_logging
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    setup_logging()
    server = get_current_settings().server
    look_less_often()
    remember_timezones()
    app = create_app(final=True)
    tell_loops(app)
    config = uvicorn.Config(
        OwnPagesOnly(rings_when_due(app), ui_url(server.api.port)),
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )
    serving = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        serving.run(sockets=[listener])
    sys.exit(0 if serving.started else 1)


if __name__ == "__main__":
    main()
