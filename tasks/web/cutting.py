"""End what a server draws out: httpx limits each wait, and whoever sends a byte now and then never meets a limit."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger(__name__)


class Line:
    """The newest connection of a client, and until when it may be used."""

    def __init__(self) -> None:
        self._end: socket.socket | None = None
        self._until = 0.0
        self.was_cut = False

    @contextmanager
    def cut_at(self, until: float) -> Iterator[None]:
        """Cut the connection if the block lasts longer than `until`, of time.monotonic()."""
        self._until, self.was_cut = until, False
        timer = threading.Timer(until - time.monotonic(), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def trace(self, event: str, told: Mapping[str, Any]) -> None:
        """What httpx calls at each step of a request (its extension `trace`)."""
        if not event.endswith("connect_tcp.complete"):
            return
        self.close()
        # A duplicate: cut by its number, one that httpx has closed meanwhile might be somebody else's by then.
        self._end = socket.socket(fileno=os.dup(told["return_value"].get_extra_info("socket").fileno()))
        if time.monotonic() >= self._until:
            self._cut()

    def close(self) -> None:
        """Let go of the connection; as long as we held it, the server would not see it end."""
        if self._end is not None:
            self._end.close()
            self._end = None

    def _cut(self) -> None:
        # First said, then done: whoever reads must not take the end we make for the end of an answer.
        self.was_cut = True
        end = self._end
        try:
            if end is not None:
                end.shutdown(socket.SHUT_RDWR)
        except OSError:
            _log.info("The connection was gone before it could be cut.")
