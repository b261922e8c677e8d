"""End a connection from our side when a frozen server does not keep its own statement_timeout."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# How long after the server's own limit we wait before we cut the connection.
GRACE_S = 2.0

_log = logging.getLogger(__name__)


@contextmanager
def cut_when_silent(descriptor: int, limit_s: float | None) -> Iterator[None]:
    """Cut the socket `descriptor` if the block takes longer than `limit_s` and the grace; None never cuts."""
    if limit_s is None:
        yield
        return
    end = socket.socket(fileno=os.dup(descriptor))
    timer = threading.Timer(limit_s + GRACE_S, _shut, [end])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        end.close()


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.info("The connection was gone before it could be cut.")
