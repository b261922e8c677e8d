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
from tasks.postgres.beginning import Manner
from tasks.postgres.pooling import refuse_transaction_pooler
from tasks.postgres.queries import RIGHTS
from tasks.postgres.refusals import Place
from tasks.postgres.reserve import Opener, in_turn, patiently
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
        return self._session(self._actor, Manner.READS)

    def act_at_length(self, query: str, *, lock_s: float = LONG_ACT_LOCK_S) -> list[Row]:
        """Like `act`, for what is meant to take minutes or hours: an index build, a VACUUM. Its locks must come soon.

        Raises:
            CannotLook, Refused: it failed, or did not end within LONG_ACT_S; then it may or may not have happened.
        """
        with self._session(self._actor, Manner.ALONE, limit_s=LONG_ACT_S, lock_s=lock_s) as session:
            # Nothing is filled in here, so every % is meant.
            return session.run(query.replace("%", "%%"))

    def refuse_pooled_actor(self) -> None:
        """Nobody should approve what cannot be done: `act_at_length` needs a session of its own.

        Raises:
            Refused: action_url leads to a transaction pooler; CannotLook: no answer.
        """
        with self._session(self._actor, Manner.READS) as session:
            self._refuse_transaction_pooler(self._actor, session)

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Several questions about one moment, for as long as a copy may take: REPEATABLE READ, and read only.

        Raises:
            CannotLook, Refused: no connection.
        """
        with self._session(self.url, Manner.SNAPSHOT, limit_s=LONG_ACT_S) as session:
            yield session

    @contextmanager
    def rehearsal(self, limit_s: float = LONG_ACT_S) -> Iterator[Session]:
        """A transaction that is undone, for tables of our own; as the role that asks, whatever its default is.

        Raises:
            CannotLook, Refused: no connection, or a standby, which takes no such table either.
        """
        with self._session(self.url, Manner.CHANGES, limit_s=limit_s, lock_s=LOCK_S) as session:
            session.run("SET TRANSACTION READ WRITE")
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Several changes, all or none, as the role that acts: committed at the block's end, undone if it raises.

        Raises:
            CannotLook, Refused: no connection; or no answer to COMMIT, then it may or may not have happened.
        """
        with self._session(self._actor, Manner.CHANGES, limit_s=LONG_ACT_S, lock_s=LOCK_S) as session:
            yield session
            session.run("COMMIT")

    def act(self, query: str, **params: object) -> list[Row]:
        """Run one statement that may change something, committed at once.

        Raises:
            CannotLook, Refused: it failed, or did not answer in time; then it may or may not have happened.
        """
        with self._session(self._actor, Manner.CHANGES) as session:
            rows = session.run(query, **params)
            session.run("COMMIT")
            return rows

    def drill_session(self, application: str) -> Session:
        """A session without time limits for a fault to hold, named like an application's.

        Raises:
            Refused: drill_url is not configured, or leads to a transaction pooler.
            CannotLook: no connection.
        """
        return self._open_alone(self._breaker, limit_s=None, application=application)

    def own_schemas(self) -> list[str]:
        """Where the role that asks looks up names without a schema, in its order.

        Raises:
            CannotLook, Refused: no answer.
        """
        with self._asking(self.url) as session:
            return session.own_schemas()

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
        began = time.monotonic()

        def opened() -> Session:
            nonlocal began
            began = time.monotonic()
            return self._open(url)

        # Where our other questions use up the role's limit, that is no news about the door.
        with patiently(str(place_of(url)), opened) as session:
            session.run("SELECT 1")
        return time.monotonic() - began

    def direct(self) -> bool:
        """Is there no pooler between us and the server?

        Raises:
            CannotLook, Refused: no answer.
        """
        with self._session(self.url, Manner.READS) as session:
            return session.direct

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
    def _roles(self) -> tuple[str, ...]:
        """Those by which we ask and act; the drill's is an application's."""
        return tuple(place_of(url).user for url in (self.url, self.action_url, self.reserve_url) if url)

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
        with self._asking(url) as session:
            return session.run(query, **params)

    def _asking(self, url: SecretStr) -> AbstractContextManager[Session]:
        first, *others = self._ways(url, self._open)
        # A slot that is reserved is not kept: the other questions wait for it.
        ways: list[Opener[Session]] = [lambda: kept_or((url, self.statement_timeout_s, self._roles), first), *others]
        return in_turn(self.address, ways)

    def _session(
        self, url: SecretStr, manner: Manner, *, limit_s: float | None = None, lock_s: float | None = None
    ) -> AbstractContextManager[Session]:
        if manner is Manner.ALONE:
            opened = partial(self._open_alone, limit_s=limit_s, lock_s=lock_s)
        else:
            opened = partial(self._open, manner=manner, limit_s=limit_s, lock_s=lock_s)
        return in_turn(self.address, self._ways(url, opened))

    def _ways(self, url: SecretStr, opened: Callable[[SecretStr], Session]) -> list[Callable[[], Session]]:
        return [partial(opened, by) for by in (url, self.reserve_url) if by]

    def _open(
        self,
        url: SecretStr,
        *,
        manner: Manner = Manner.READS,
        limit_s: float | None = None,
        lock_s: float | None = None,
        application: str = APPLICATION,
        silent_s: float = 0,
    ) -> Session:
        return Session.open(
            url,
            application=application,
            connect_timeout_s=self.connect_timeout_s,
            limit_s=limit_s or self.statement_timeout_s,
            manner=manner,
            lock_s=lock_s,
            silent_s=silent_s,
            roles=self._roles,
        )

    def _open_alone(
        self, url: SecretStr, *, limit_s: float | None, lock_s: float | None = None, application: str = APPLICATION
    ) -> Session:
        session = self._open(url, application=application, silent_s=limit_s or 60)
        try:
            self._refuse_transaction_pooler(url, session)
            session.leave_alone(limit_s, lock_s)
        except CannotLook:
            session.close()
            raise
        return session

    def _refuse_transaction_pooler(self, url: SecretStr, session: Session) -> None:
        # Where it is not pooled by transaction, the other client may have to wait: no longer than this.
        refuse_transaction_pooler(place_of(url), session, partial(self._open, url, limit_s=1.0))
