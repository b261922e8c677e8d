"""The door to a Postgres server: 13 to 18, a fresh connection for each question, every limit set.

The only file in tasks/ that speaks through psycopg.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import ClassVar, Self

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from pydantic import ConfigDict, Field, SecretStr

from tasks.kept import kept_or
from tasks.model import CannotLook, Finding, Json, Refused, Row
from tasks.postgres.cutting import GRACE_S, cut_when_silent
from tasks.postgres.queries import RIGHTS
from tasks.postgres.refusals import Place, at_the_door, of_the_statement
from tasks.postgres.rights import examine
from tasks.postgres.statements import masked
from tasks.postgres.turns import Opener, in_turn
from tasks.postgres.url import Url, place_of
from tasks.postgres.values import as_json
from tasks.system import System

APPLICATION = "incident-pipelines"
# Sessions that are ours, the journal's included (flows/journal): never signalled, and not counted as waiting.
OURS = (APPLICATION, "incident-journal")

# A lock is waited for this part of the time: were it the whole, the server would say "too slow", never "locked".
LOCK_SHARE = 0.5
# A time limit that broke an index build off would leave an invalid index behind: this one is for a server that hangs.
LONG_ACT_S = 6 * 3600.0
# CREATE INDEX CONCURRENTLY waits for older transactions. It holds no reader or writer up meanwhile, yet VACUUM.
LONG_ACT_LOCK_S = 300.0
# A transaction of several changes waits so long for each of its locks: whoever comes after it would wait behind it.
LOCK_S = 10.0
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


class PostgresServer(System):
    """A Postgres server, as one database of it. `rows` asks, `act` changes, `drill_session` breaks."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "postgres"
    config_lines: ClassVar[str] = (
        'url = "${POSTGRES_URL}"                  # asks; GRANT pg_monitor TO its role\n'
        'action_url = "${POSTGRES_ACTION_URL}"    # changes; GRANT pg_monitor, pg_signal_backend TO its role'
    )

    # Asks. Its role needs pg_monitor and no more.
    url: Url
    # Changes, after approval. Its role needs pg_monitor (to recognise a session) and pg_signal_backend. Default: url.
    action_url: Url | None = None
    # Breaks, in drills. An application's role that may write.
    drill_url: Url | None = None
    # Asks and acts when no slot is free for the others: a role that may use reserved slots, or a superuser.
    reserve_url: Url | None = None
    # As the application connects, through its pooler if it has one: only to see whether it can.
    application_url: Url | None = None
    connect_timeout_s: float = Field(default=3, gt=0, le=60)
    statement_timeout_s: float = Field(default=5, gt=0, le=600)

    @property
    def place(self) -> Place:
        return place_of(self.url)

    @property
    def address(self) -> str:
        """host:port/database, for people."""
        return str(self.place)

    def rows(self, query: str, **params: object) -> list[Row]:
        """Ask in a read-only transaction of its own; one question's looks share a connection.

        Raises:
            CannotLook, Refused: no answer.
        """
        return self._ask(self.url, query, params)

    def rows_as_actor(self, query: str, **params: object) -> list[Row]:
        """Ask, reading only, as the role that would act: what may it do?

        Raises:
            CannotLook, Refused: no answer.
        """
        return self._ask(self._actor, query, params)

    def asked_as_actor(self) -> AbstractContextManager[Session]:
        """Several questions in one read-only transaction, as the role that would act."""
        return self._session(self._actor, reads=True)

    def act_at_length(self, query: str, *, lock_s: float = LONG_ACT_LOCK_S) -> list[Row]:
        """Like `act`, for what is meant to take minutes or hours: an index build, a VACUUM. Its locks must come soon.

        Raises:
            CannotLook, Refused: it failed, or did not end within LONG_ACT_S; then it may or may not have happened.
        """
        with self._session(self._actor, reads=False, limit_s=LONG_ACT_S) as session:
            session.run(f"SET lock_timeout = {round(1000 * lock_s)}")
            # Nothing is filled in here, so every % is meant.
            return session.run(query.replace("%", "%%"))

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Several questions about one moment, for as long as a copy may take: REPEATABLE READ, and read only.

        Raises:
            CannotLook, Refused: no connection.
        """
        # Begun by statement: with `reads` the limits would be set first, and then it is too late to choose.
        with self._session(self.url, reads=False, limit_s=LONG_ACT_S) as session:
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Several changes, all or none, as the role that acts: committed at the block's end, undone if it raises.

        Raises:
            CannotLook, Refused: no connection; or no answer to COMMIT, then it may or may not have happened.
        """
        with self._session(self._actor, reads=False, limit_s=LONG_ACT_S) as session:
            session.run(f"SET lock_timeout = {round(1000 * LOCK_S)}")
            session.run("BEGIN")
            yield session
            session.run("COMMIT")

    def act(self, query: str, **params: object) -> list[Row]:
        """Run one statement that may change something, committed at once.

        Raises:
            CannotLook, Refused: it failed, or did not answer in time; then it may or may not have happened.
        """
        with self._session(self._actor, reads=False) as session:
            return session.run(query, **params)

    def drill_session(self, application: str) -> Session:
        """A session without time limits for a fault to hold, named like an application's.

        Raises:
            Refused: drill_url is not configured.
            CannotLook: no connection.
        """
        return self._open(self._breaker, reads=False, limit_s=None, application=application)

    def drill_environment(self) -> dict[str, str]:
        """The same role for a program like pgbench, as libpq's variables: its arguments everybody can read.

        Raises:
            Refused: drill_url is not configured.
        """
        options = pq.Conninfo.parse(self._breaker.get_secret_value().encode())
        return {o.envvar.decode(): o.val.decode() for o in options if o.envvar and o.val is not None}

    def knock(self, url: SecretStr) -> float:
        """Connect with `url`, ask for 1, and leave: how long that took, in seconds. No reserve is used.

        Raises:
            NotConnected: it did not come about, for its `reason`; CannotLook: it did, and there was no answer.
        """
        started = time.monotonic()
        with self._open(url, reads=True, limit_s=self.statement_timeout_s) as session:
            session.run("SELECT 1")
        return time.monotonic() - started

    def blind(self) -> Finding | None:
        """UNKNOWN with the GRANT when other people's sessions are hidden from us; None when we see them."""
        rights = self.rows(RIGHTS)[0]
        if rights["sees_all"]:
            return None
        return Finding.unknown(
            f"{self.address} hides other users' sessions from {rights['user']}.", remedy=str(rights["grant_sight"])
        )

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        yield from examine(self)

    @property
    def _actor(self) -> SecretStr:
        return self.action_url or self.url

    @property
    def _breaker(self) -> SecretStr:
        if self.drill_url is None:
            raise Refused(
                f"{self.address} has no drill_url, and faults do not borrow other roles.",
                remedy='drill_url = "${POSTGRES_DRILL_URL}"  # an application\'s role that may write',
            )
        return self.drill_url

    def _ask(self, url: SecretStr, query: str, params: dict[str, object]) -> list[Row]:
        limit_s = self.statement_timeout_s
        first, *others = self._ways(url, reads=True, limit_s=limit_s)
        # A slot that is reserved is not kept: the other questions wait for it.
        ways: list[Opener[Session]] = [lambda: kept_or((url, limit_s), first), *others]
        with in_turn(self.address, ways) as session:
            return session.run(query, **params)

    def _session(self, url: SecretStr, *, reads: bool, limit_s: float | None = None) -> AbstractContextManager[Session]:
        return in_turn(self.address, self._ways(url, reads=reads, limit_s=limit_s or self.statement_timeout_s))

    def _ways(self, url: SecretStr, *, reads: bool, limit_s: float) -> list[Callable[[], Session]]:
        return [partial(self._open, by, reads=reads, limit_s=limit_s) for by in (url, self.reserve_url) if by]

    def _open(self, url: SecretStr, *, reads: bool, limit_s: float | None, application: str = APPLICATION) -> Session:
        return Session.open(
            url, application=application, connect_timeout_s=self.connect_timeout_s, limit_s=limit_s, reads=reads
        )
