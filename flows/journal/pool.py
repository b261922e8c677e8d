"""Sessions that are kept: for whoever must store within milliseconds what somebody waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg_pool import ConnectionPool
from pydantic import SecretStr

from flows.journal.connection import CLIENT, Connection, conninfo, prepare, speaking

MOST = 8
# Shorter than any sender's patience.
WAIT_S = 0.8
# As long as a server may keep what it learned about our statements.
LIVES_S = 600.0


T = TypeVar("T")


class _Lost(psycopg.OperationalError):
    """The session was, and with it the answer: whether it happened is not known."""


class Sessions:
    """Up to MOST sessions on the journal's database, opened as they are needed."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo(url),
            kwargs={**CLIENT, "autocommit": True},
            configure=prepare,
            min_size=1,
            max_size=MOST,
            timeout=WAIT_S,
            max_lifetime=LIVES_S,
            # The server may come up after us, or go and come back.
            reconnect_timeout=10.0,
            open=False,
        )
        self._pool.open(wait=False)

    def run(self, errand: Callable[[Connection], T]) -> T:
        """Run an errand that may be run twice: once more on another session, where the first was lost.

        Raises:
            JournalUnavailable: the database does not answer, or all are busy for longer than anybody waits.
        """
        with speaking(self._url):
            try:
                return self._once(errand)
            except _Lost:
                # What a restarted server left behind: the pool looks at all of them, at once.
                self._pool.check()
                return self._once(errand)

    def _once(self, errand: Callable[[Connection], T]) -> T:
        with self._pool.connection() as session:
            try:
                return errand(session)
            except psycopg.OperationalError as error:
                if session.broken:
                    raise _Lost(*error.args) from error
                raise

    def close(self) -> None:
        self._pool.close()
