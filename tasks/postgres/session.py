"""One connection of ours to a Postgres server, every limit set.

The only file in tasks/ that speaks through psycopg.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Self

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from pydantic import SecretStr

from tasks.model import CannotLook, Json, Row
from tasks.postgres.cutting import GRACE_S, cut_when_silent
from tasks.postgres.masking import masked
from tasks.postgres.refusals import Place, at_the_door, of_the_statement
from tasks.postgres.url import place_of
from tasks.postgres.values import as_json

APPLICATION = "incident-pipelines"
# Sessions that are ours, the journal's included (flows/journal): never signalled, and not counted as waiting.
OURS = (APPLICATION, "incident-journal")

# A lock is waited for this part of the time: were it the whole, the server would say "too slow", never "locked".
LOCK_SHARE = 0.5

# Below this libpq does not go.
LEAST_CONNECT_TIMEOUT_S = 2

_log = logging.getLogger(__name__)


class _Forgiving(Loader):
    """pg_stat_activity shows statements of databases in other encodings, which need not be valid here."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


class Session:
    """One connection of our own. Its errors are CannotLook and Refused; closing it rolls back what is open."""

    def __init__(self, connection: psycopg.Connection[dict[str, object]], place: Place, limit_s: float | None) -> None:
        self._connection = connection
        self._place = place
        self._limit_s = limit_s

    @classmethod
    def open(
        cls, url: SecretStr, *, application: str, connect_timeout_s: float, limit_s: float | None, reads: bool
    ) -> Self:
        """Connect; a session that reads can do nothing else.

        Raises:
            CannotLook, Refused: it did not come about.
        """
        place = place_of(url)
        timeout_s = max(LEAST_CONNECT_TIMEOUT_S, round(connect_timeout_s))
        try:
            # connect_timeout does not cover the resolver, which Python asks before libpq begins: `Check.limit` does.
            connection = psycopg.connect(
                url.get_secret_value(),
                application_name=application,
                client_encoding="utf8",
                connect_timeout=timeout_s,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=round(1000 * (limit_s or 60)),
                autocommit=not reads,
                # A prepared statement would not be there on the next server that a transaction pooler gives out.
                prepare_threshold=None,
                row_factory=dict_row,
            )
        except (psycopg.Error, UnicodeError) as error:
            _log.info("%s: %s", place, error)
            raise at_the_door(place, str(error), timeout_s) from None
        connection.read_only = reads or None
        for kind in ("text", "varchar", "name"):
            connection.adapters.register_loader(kind, _Forgiving)
        session = cls(connection, place, limit_s)
        try:
            session._set_limits(local=reads)
        except CannotLook:
            session.close()
            raise
        return session

    @property
    def pid(self) -> int:
        """The server process that serves this session."""
        return self._connection.info.backend_pid

    def run(self, query: str, **params: object) -> list[Row]:
        """One statement; columns called `query` come masked.

        Raises:
            CannotLook, Refused: it failed, or did not answer in time.
        """
        with self._translated(), self._cut_when_silent():
            cursor = self._connection.execute(query.encode(), {"ours": list(OURS), **params})
            rows = cursor.fetchall() if cursor.description else []
        return [{name: _shown(name, value) for name, value in row.items()} for row in rows]

    def copy_out(self, query: str, take: Callable[[bytes], object]) -> int:
        """Hand each piece of a `COPY … TO STDOUT` to `take`; how many rows it was. A % in it is meant.

        Raises:
            CannotLook, Refused: it failed, or did not end in time.
        """
        with self._translated(), self._cut_when_silent(), self._connection.cursor() as cursor:
            with cursor.copy(query.encode()) as copy:
                for piece in copy:
                    take(bytes(piece))
            return cursor.rowcount

    def copy_in(self, query: str, pieces: Iterable[bytes]) -> int:
        """Feed `pieces` to a `COPY … FROM STDIN`; how many rows it was. A % in it is meant.

        Raises:
            CannotLook, Refused: it failed, or did not end in time. What `pieces` raises passes through.
        """
        with self._translated(), self._cut_when_silent(), self._connection.cursor() as cursor:
            with cursor.copy(query.encode()) as copy:
                for piece in pieces:
                    copy.write(piece)
            return cursor.rowcount

    def verifier(self, password: SecretStr) -> str:
        """What the server keeps in place of `password`, made here: the password itself is neither sent nor logged."""
        made = self._connection.pgconn.encrypt_password(password.get_secret_value().encode(), b"", b"scram-sha-256")
        return made.decode()

    def cancel(self) -> None:
        """Stop the statement that another thread runs here."""
        with self._translated():
            self._connection.cancel_safe(timeout=GRACE_S)

    def rest(self) -> bool:
        """Leave the transaction, and with it its snapshot and its locks; False when the connection is gone."""
        with suppress(psycopg.Error):
            self._connection.rollback()
        return not self._connection.closed

    def wake(self) -> bool:
        """A new transaction that only reads, its limits set; False when the connection was lost at rest."""
        try:
            self._set_limits(local=True)
        except CannotLook:
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set_limits(self, *, local: bool) -> None:
        # Set by statement and, for questions, for the transaction only: poolers refuse or drop start-up options.
        limit_ms = 1000 * (self._limit_s or 0)
        settings = {
            "statement_timeout": f"{round(limit_ms)}ms",
            "lock_timeout": f"{round(limit_ms * LOCK_SHARE)}ms",
            "idle_in_transaction_session_timeout": f"{round(limit_ms)}ms",
            # Compiling a question about a few dozen sessions took seconds, and then no answer comes within the limit.
            "jit": "off",
        }
        chosen = ", ".join(f"set_config('{name}', %({name})s, %(local)s)" for name in settings)
        self.run(f"SELECT {chosen}", **settings, local=local)

    def _cut_when_silent(self) -> AbstractContextManager[None]:
        return cut_when_silent(self._connection.fileno(), self._limit_s)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            _log.info("%s: %s", self._place, error)
            text = error.diag.message_primary or type(error).__name__
            raise of_the_statement(self._place, error.sqlstate or "", text, self._limit_s) from None


def _shown(name: str, value: object) -> Json:
    # At the door, so that no check can forget it: a statement may hold anybody's password.
    return masked(value) if name == "query" and isinstance(value, str) else as_json(value)
