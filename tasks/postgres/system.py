"""The door to a Postgres server: 13 to 18, a fresh connection for each question, every limit set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import ClassVar

from pydantic import ConfigDict, Field, SecretStr

from tasks.kept import kept_or
from tasks.model import CannotLook, Finding, Refused, Row, Verdict
from tasks.postgres.queries import RIGHTS
from tasks.postgres.refusals import Place
from tasks.postgres.reserve import Opener, in_turn
from tasks.postgres.rights import examine_acting, examine_reading
from tasks.postgres.session import APPLICATION, Session
from tasks.postgres.url import Url, place_of, variables_of
from tasks.system import System

# A time limit that broke an index build off would leave an invalid index behind: this one is for a server that hangs.
LONG_ACT_S = 6 * 3600.0
# CREATE INDEX CONCURRENTLY waits for older transactions. It holds no reader or writer up meanwhile, yet VACUUM.
LONG_ACT_LOCK_S = 300.0
# A transaction of several changes waits so long for each of its locks: whoever comes after it would wait behind it.
LOCK_S = 10.0


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
        return variables_of(self._breaker)

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
        """What `incident doctor` asks: does it answer, what may the role that asks see, and the one that acts do?"""
        try:
            rights = self.rows(RIGHTS)[0]
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield from examine_reading(self.address, rights)
        try:
            rights = self.rows_as_actor(RIGHTS)[0]
        except CannotLook as error:
            yield Finding(verdict=Verdict.WARN, says=f"No change is possible. {error.says}", remedy=error.remedy)
            return
        yield examine_acting(self.address, rights)

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
