"""The server beneath the service: uvicorn, with no patience for connections on which nobody asks anything."""

from __future__ import annotations

import asyncio
import resource

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

# A request's head comes within this time, at first and after each answer. Uvicorn itself waits for ever for it.
ASKS_WITHIN_S = 10.0


class Impatient(H11Protocol):
    """Closes the connection when nothing was asked between two looks: whoever drips a head keeps no place."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.loop.call_later(ASKS_WITHIN_S, self._look, None)

    def _look(self, before: RequestResponseCycle | None) -> None:
        if self.transport.is_closing():
            return
        at_rest = self.cycle is None or self.cycle.response_complete
        if at_rest and self.cycle is before:
            self.transport.close()
            return
        self.loop.call_later(ASKS_WITHIN_S, self._look, self.cycle)


def server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """To be run. Its paths may hold secrets, so it keeps no access log."""
    config = uvicorn.Config(
        app, host=host, port=port, http=Impatient, ws="none", access_log=False, server_header=False, log_level="warning"
    )
    return uvicorn.Server(config)


def open_files() -> None:
    """As many connections as this machine allows: each is an open file, and the usual thousand is soon used up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
