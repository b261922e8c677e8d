"""Waiting for a call of Prefect's server (deployments/due.py): a worker for what is due, a recoverer for any change."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from deployments.due import DUE, MOVED, WAIT_S

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

# After a call that failed: the server is gone for seconds.
AGAIN_S = 1.0
PATIENCE_S = WAIT_S + 10


async def wait_until_due(client: PrefectClient, after: str) -> tuple[str, list[UUID] | None]:
    """The bell's count, when it is another one than `after`, and the runs that may have become due; None: any may.

    A server that is gone is waited for.
    """
    while True:
        try:
            answer = await client._client.get(DUE, params={"after": after}, timeout=PATIENCE_S)
            count, runs = _heard(answer)
            if count != after:
                return count, runs
        except (httpx.HTTPError, ValueError):
            await asyncio.sleep(AGAIN_S)


def _heard(answer: httpx.Response) -> tuple[str, list[UUID] | None]:
    """Raises: httpx.HTTPError: it is a refusal. ValueError: it is none of the bell's."""
    body: Any = answer.raise_for_status().json()
    try:
        runs = None if body["runs"] is None else [UUID(run) for run in body["runs"]]
        return str(body["count"]), runs
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an answer of the bell: {error!r}") from error


class Moves:
    """Which runs were changed; listens in a thread of its own, which ends with the process.

    Of a server that does not tell, another one than ours, any run may have changed at any time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: set[str] | None = None

    def listen(self) -> Moves:
        """Begin."""
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def seen(self) -> set[str] | None:
        """Their ids, since this was asked last; None: any may have changed."""
        with self._lock:
            runs, self._runs = self._runs, set()
        return runs

    def _note(self, runs: list[UUID] | None) -> None:
        with self._lock:
            if runs is None or self._runs is None:
                self._runs = None
            else:
                self._runs |= {str(run) for run in runs}

    def _listen(self) -> None:
        from prefect.client.orchestration import get_client

        after = ""
        while True:
            try:
                with get_client(sync_client=True) as client:
                    while True:
                        answer = client._client.get(MOVED, params={"after": after}, timeout=PATIENCE_S)
                        count, runs = _heard(answer)
                        if count != after:
                            self._note(runs)
                        after = count
            except (httpx.HTTPError, ValueError):
                self._note(None)
                # As often as the recoverer looks: it then asks each time, as if nobody called.
                time.sleep(AGAIN_S)
