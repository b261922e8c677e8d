"""Two real servers, a fresh database on each for every test, and people who use it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr

from tasks.model import Row, Threshold
from tasks.postgres.locks import checks
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.jam import look
from tasks.postgres.locks.queries import STILL_WAITING
from tasks.postgres.statements import waits as statement_waits
from tasks.postgres.system import PostgresServer
from tests.conftest import Server, own_server

PASSWORD = "correct-horse-battery"
GRANTS = {
    "reader": "GRANT pg_monitor TO reader",
    "actor": "GRANT pg_monitor, pg_signal_backend TO actor",
    "app": "",
    "nobody_special": "",
    # The journal's, where it lives on the same server.
    "incident_runner": "",
    "boss": "ALTER ROLE boss SUPERUSER",
    # Sees everything, may end nothing; and the other way round.
    "sees_only": "GRANT pg_monitor TO sees_only",
    "signals_only": "GRANT pg_signal_backend TO signals_only",
}
DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody calls anything meanwhile, in most tests; those in which somebody does say for how long to watch."""
    monkeypatch.setattr(statement_waits, "SAMPLE_S", 0.3)


def until(true: Callable[[], object], what: str) -> None:
    """Poll until it is so, or fail saying what never came."""
    end = time.monotonic() + DEADLINE_S
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"Never within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.02)


@dataclass
class Stage:
    """A fresh database with the table `leads`, and sessions of people who use it."""

    admin_url: str
    stack: ExitStack
    threads: list[threading.Thread] = field(default_factory=list)

    def url(self, user: str, password: str = PASSWORD) -> SecretStr:
        parts = urlsplit(self.admin_url)
        return SecretStr(urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}")))

    def door(self, reads: str = "reader", acts: str = "actor") -> PostgresServer:
        return PostgresServer(url=self.url(reads), action_url=self.url(acts), drill_url=self.url("app"))

    def admin(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.admin_url, autocommit=True) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def session(self, name: str, user: str = "app") -> psycopg.Connection:
        """An open session, outside any transaction until it says BEGIN."""
        opened = psycopg.connect(self.url(user).get_secret_value(), application_name=name, autocommit=True)
        self.stack.callback(opened.close)
        return opened

    def begins(self, name: str, *statements: str, user: str = "app") -> psycopg.Connection:
        """A session that ran these in a transaction and left it open."""
        session = self.session(name, user)
        for statement in ("BEGIN", *statements):
            session.execute(statement.encode())
        return session

    def runs(self, session: psycopg.Connection, statement: str) -> int:
        """Run it in a thread of its own; whatever becomes of it. Returns the session's pid."""

        def run() -> None:
            try:
                session.execute(statement.encode())
            except psycopg.Error:
                return  # ended by the test, which looks at the server instead

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()
        return session.info.backend_pid

    def queues(self, session: psycopg.Connection, statement: str) -> int:
        """Like `runs`, and it stands in a queue when this returns."""
        pid = self.runs(session, statement)
        until(lambda: self.door().rows(STILL_WAITING, pids=[pid]), f"pid {pid} waits: {statement}")
        return pid

    def chains(self) -> list[Row]:
        return look(self.door(), 0).heads

    def waiters(self) -> list[int]:
        """Who waits, the longest wait first."""
        return [int(str(row["pid"])) for row in look(self.door(), 0).queue()]


@contextmanager
def staged(server: Server) -> Iterator[Stage]:
    with server.fresh_database() as admin_url, ExitStack() as stack:
        stage = Stage(admin_url, stack)
        there = {name for (name,) in stage.admin("SELECT rolname FROM pg_roles")}
        for role, grant in GRANTS.items():
            if role not in there:
                stage.admin(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; {grant}")
        stage.admin(
            "CREATE TABLE leads (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, status text);"
            "INSERT INTO leads (email, status) SELECT 'lead' || n, 'new' FROM generate_series(1, 9) n;"
            "GRANT ALL ON leads TO app"
        )
        yield stage
        stack.close()
        for thread in stage.threads:
            thread.join(DEADLINE_S)


@pytest.fixture(params=["postgres18", "postgres15"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(request.getfixturevalue(request.param)) as ready:
        yield ready


@pytest.fixture
def stage18(postgres18: Server) -> Iterator[Stage]:
    """For what does not differ between versions."""
    with staged(postgres18) as ready:
        yield ready


AT_ONCE = Threshold(warn=0, bad=1, because="Seconds of real waiting are too long for a test.")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of real waiting are too long for a test: every wait counts at once."""
    monkeypatch.setattr(checks, "NOTICEABLE_S", 0.0)
    for action in (CancelBlockingQueries, TerminateBlockingSessions):
        monkeypatch.setattr(action.plan, "__defaults__", (AT_ONCE,))


@pytest.fixture(scope="session", params=["postgres18", "postgres15"])
def preparing_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that allows prepared transactions, which is off by default and off in the shared ones."""
    shared: Server = request.getfixturevalue(request.param)
    with own_server(shared.cluster.bin, {"max_prepared_transactions": "5"}) as server:
        yield server


@pytest.fixture
def preparing(preparing_server: Server) -> Iterator[Stage]:
    with staged(preparing_server) as ready:
        yield ready


# Few enough to take them all; of 12 slots 3 are for superusers and, since 16, 3 for roles with reserved ones.
CRAMPED = {"max_connections": "12", "max_wal_senders": "0", "superuser_reserved_connections": "3"}
RESERVED = {"reserved_connections": "3"}


@pytest.fixture(scope="session", params=["postgres18", "postgres15"])
def cramped_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with a dozen connection slots, whose log holds every statement."""
    shared: Server = request.getfixturevalue(request.param)
    reserved = RESERVED if shared.version >= 160000 else {}
    with own_server(shared.cluster.bin, {**CRAMPED, **reserved, "log_statement": "all"}) as server:
        yield server


@pytest.fixture
def cramped(cramped_server: Server) -> Iterator[Stage]:
    with staged(cramped_server) as ready:
        if ready.admin("SELECT 1 FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'"):
            ready.admin("GRANT pg_use_reserved_connections TO reader, actor")
        yield ready
