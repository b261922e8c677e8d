"""Sessions that are kept: for whoever must store within milliseconds what somebody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg_pool import ConnectionPool
from pydantic import SecretStr

from flows.journal.connection import CLIENT, Connection, conninfo, prepare, speaking

MOST = 8
# Shorter than any sender's patience.
WAIT_S = 0.8
# As long as a server may keep what it learned about our statements.
LIVES_S = 600.0


class Sessions:
    """Up to MOST sessions on the journal's database, opened as they are needed."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo(url),
            kwargs={**CLIENT, "autocommit": True},
            configure=prepare,
            check=ConnectionPool.check_connection,
            min_size=1,
            max_size=MOST,
            timeout=WAIT_S,
            max_lifetime=LIVES_S,
            # The server may come up after us, or go and come back.
            reconnect_timeout=10.0,
            open=False,
        )
        self._pool.open(wait=False)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """One of them, given back afterwards.

        Raises:
            JournalUnavailable: the database does not answer, or all are busy for longer than anybody waits.
        """
        with speaking(self._url), self._pool.connection() as session:
            yield session

    def close(self) -> None:
        self._pool.close()
