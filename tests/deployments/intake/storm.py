"""A storm of signed alerts, sent until each was accepted, whatever is killed meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployments.stack import Stack
from tests.deployments.intake import said

CONNECTIONS = 16
PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One delivery: how often it took, and how long the accepted one did, in seconds."""

    attempts: int
    took_s: float


def deliveries(number: int, problems: int) -> Iterator[bytes]:
    """Bodies that all differ, of so many problems in turn."""
    for count in range(number):
        yield said.encoded({**said.sentry_issue(1 + count % problems), "count": count})


def send(port: int, bodies: Sequence[bytes]) -> list[Sent]:
    """Send each until it is accepted, over sixteen connections.

    Raises:
        TimeoutError: one was not, within minutes.
    """
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(lambda body: _send(port, body), bodies))


_HERE = threading.local()


def _send(port: int, body: bytes) -> Sent:
    until = time.monotonic() + PATIENCE_S
    for attempt in itertools.count(1):
        began = time.perf_counter()
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _post(port, body) == 200:
                return Sent(attempts=attempt, took_s=time.perf_counter() - began)
        if time.monotonic() > until:
            raise TimeoutError(f"Not accepted in {PATIENCE_S:g} s: {body[:200]!r}")
        time.sleep(0.2)
    raise AssertionError("a count never ends")


def _post(port: int, body: bytes) -> int:
    connection: http.client.HTTPConnection = getattr(_HERE, "connection", None) or http.client.HTTPConnection(
        "127.0.0.1", port, timeout=10
    )
    _HERE.connection = connection
    try:
        connection.request("POST", "/alerts/sentry", body, {"content-type": "application/json", **said.signed(body)})
        answer = connection.getresponse()
        answer.read()
    except BaseException:
        connection.close()
        raise
    return answer.status


def kill(stack: Stack, *names: str, pause_s: float) -> None:
    """Kill these programs of the stack, one after the other; its supervisor starts each again."""
    for name in names:
        time.sleep(pause_s)
        os.kill(stack.supervisor.pids()[name], signal.SIGKILL)
