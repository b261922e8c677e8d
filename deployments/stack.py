"""`incident up`: Postgres, Prefect's server on it, and the worker on one machine; one Ctrl-C stops what was started.

Order of a start, and in reverse of a stop:
1. Postgres, unless DATABASE_URL names one; its roles and databases
2. Prefect's server; meanwhile the journal's tables
3. the worker and our other processes (deployments/programs.py)
4. the caller's `ready`
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from deployments import accounts, databases, ports, prefect_server, private_file, supervise
from deployments.cluster import SUPERUSER, Cluster, tail
from deployments.home import Home
from deployments.interrupts import deaf, interruptible, put_off
from deployments.programs import INTAKE, POSTGRES, PREFECT, RECOVERER, WORKER, alerts_port, places, programs
from deployments.progress import Progress, quiet, stage
from deployments.supervise import Supervisor
from deployments.trouble import CannotStart
from runbooks.catalog import UnknownRunbook
from tasks.toml import InvalidConfig

LOOK_S = 0.5
# With several hundred runs Prefect's server and the journal's sessions together stay below this.
MAX_CONNECTIONS = "200"


class AlreadyUp(CannotStart):
    """A stack of this home is running; the message says where."""


class StackBroke(CannotStart):
    """A process of a running stack ended and could not be started again."""


@dataclass
class Stack:
    """A running stack. Leaving the block stops everything it started, and nothing else."""

    home: Home
    port: int
    journal_url: str = field(repr=False)
    pid: int
    database: str
    supervisor: Supervisor
    _exit: contextlib.ExitStack = field(repr=False, default_factory=contextlib.ExitStack)

    @property
    def prefect_api_url(self) -> str:
        return prefect_server.api_url(self.port)

    @property
    def ui_url(self) -> str:
        return prefect_server.ui_url(self.port)

    def environment(self) -> dict[str, str]:
        """What a process needs to work with this stack, to be put over its own environment."""
        given = {**prefect_server.client_environment(self.port, self.home.prefect), **places(self.home)}
        given["INCIDENT_JOURNAL_URL"] = self.journal_url
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def up(
        cls,
        home: Home,
        progress: Progress = quiet,
        *,
        database_url: str | None = None,
        port: int | None = None,
        ready: Callable[[Stack], None] | None = None,
    ) -> Stack:
        """Start the stack in `home`; `port` is Prefect's, by default the one it had or 4200 or any that is free.

        Raises:
            AlreadyUp: a stack of this home is running.
            CannotStart: something did not come up; what was started is stopped.
        """
        with contextlib.ExitStack() as undo:
            stack = _Start(home, progress, database_url, port, undo).run()
            if ready is not None:
                ready(stack)
            stack._exit = undo.pop_all()
            return stack

    @classmethod
    def find(cls, home: Home) -> Stack | None:
        """The running stack of `home`, started by another process. Closing it does nothing."""
        state = private_file.read_json(home.stack.state).get("running")
        supervisor = supervise.connect(home.stack) if state else None
        if state is None or supervisor is None:
            return None
        return cls(home, state["port"], state["journal_url"], state["pid"], state["database"], supervisor)

    @property
    def takes_alerts(self) -> bool:
        return INTAKE in self.supervisor.pids()

    def take_alerts(self) -> bool:
        """Take alerts as the configuration is by now; False where it has no source.

        Raises:
            InvalidConfig, UnknownRunbook: what is configured cannot be used.
        """
        if alerts_port(self.home) is None:
            self.supervisor.stop(INTAKE)
            return False
        self.supervisor.restart(INTAKE)
        return True

    def wait(self) -> None:
        """Block until something of the stack ends for good.

        Raises:
            StackBroke: it did.
        """
        while True:
            try:
                given_up = self.supervisor.given_up()
            except supervise.Gone as error:
                raise StackBroke("The stack's supervisor was ended from outside, its processes with it.") from error
            for name in given_up:
                raise StackBroke(f"{name} keeps ending and was given up.\n{tail(self.home.stack.log(name))}")
            time.sleep(LOOK_S)

    def close(self) -> None:
        self._exit.close()

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def serve(
    home: Home,
    progress: Progress = quiet,
    *,
    database_url: str | None = None,
    port: int | None = None,
    ready: Callable[[Stack], None] | None = None,
) -> None:
    """Run the stack in the foreground until Ctrl-C, SIGTERM or a closed terminal; then stop it in order.

    Raises:
        CannotStart: it did not come up, or broke.
    """
    with interruptible():
        try:
            with Stack.up(home, progress, database_url=database_url, port=port, ready=ready) as stack:
                stack.wait()
        except KeyboardInterrupt:
            progress("Stopped.")


class _Start:
    """One start of a stack; what it has done so far is on `undo`."""

    def __init__(
        self, home: Home, progress: Progress, database_url: str | None, port: int | None, undo: contextlib.ExitStack
    ) -> None:
        self.home, self.progress, self.undo = home, progress, undo
        self.part = home.stack
        self._lock(database_url)
        self.state = private_file.read_json(self.part.state)
        self.port = self._prefect_port(port)
        self.services = self._services()
        self.cluster = None if database_url else self._cluster()
        self.server = self._server(database_url)
        self._save()

    def run(self) -> Stack:
        if self.cluster and not self.cluster.initialised:
            with stage(self.progress, "Creating the database"):
                self.cluster.initialise(self.state["superuser"])
        self.supervisor = self._launch()
        self._start_postgres()
        since = datetime.now(UTC)
        with stage(self.progress, f"Starting Prefect on {prefect_server.ui_url(self.port)}"):
            self._start_prefect()
        with stage(self.progress, "Starting the worker"):
            watch = self.supervisor.watch(WORKER)
            prefect_server.wait_for_worker(self.port, WORKER, since, log=self.part.log(WORKER), alive=watch)
        for name in self.services:
            self.supervisor.start(name)
        return self._running()

    def _services(self) -> list[str]:
        """Our processes beside the worker. Whatever is wrong with alerts, everything else works."""
        try:
            port = alerts_port(self.home)
        except (InvalidConfig, UnknownRunbook) as error:
            self.progress(f"No alerts are taken: {error}")
            return [RECOVERER]
        if port is None:
            return [RECOVERER]
        ports.choose("alerts", self.progress, asked=port)
        return [RECOVERER, INTAKE]

    def _lock(self, database_url: str | None) -> None:
        if database_url is not None:
            # Before anything is made: a mistyped URL must leave nothing behind.
            databases.Server(database_url, {}, ours=False)
        self.home.create()
        self.part.create()
        try:
            self.undo.enter_context(private_file.lock(self.part.lock))
        except private_file.Locked:
            running = private_file.read_json(self.part.state).get("running")
            where = f"process {running['pid']}, {running['ui_url']}" if running else "it is starting"
            raise AlreadyUp(
                f"A stack is up in {self.home.root} ({where}).\n"
                "Use it, stop it with Ctrl-C where it runs, or set INCIDENT_HOME to another folder."
            ) from None
        leftover = supervise.connect(self.part)
        if leftover is not None:
            # Its stack was killed a moment ago.
            leftover.shutdown()

    def _prefect_port(self, asked: int | None) -> int:
        usual = self.state.get("port", prefect_server.USUAL_PORT)
        port = ports.choose("Prefect", self.progress, asked=asked, usual=usual)
        self.state["port"] = port
        return port

    def _cluster(self) -> Cluster:
        port = ports.choose("the stack's Postgres", self.progress, usual=self.state.get("postgres_port"))
        self.state["postgres_port"] = port
        if "superuser" not in self.state and self.part.postgres.exists():
            raise CannotStart(
                f"{self.part.state} is gone, and with it the passwords of the database in {self.part.postgres}.\n"
                "Put the file back. If the journal in there is not needed any more, remove the folder."
            )
        self.state.setdefault("superuser", accounts.new_password())
        return Cluster(folder=self.part.postgres, port=port, settings={"max_connections": MAX_CONNECTIONS})

    def _server(self, database_url: str | None) -> databases.Server:
        url = database_url
        if self.cluster:
            url = self.cluster.url(SUPERUSER, self.state["superuser"], "postgres")
        assert url is not None  # noqa: S101 - one of the two it is
        # Passwords belong to a server: the stack may move from the embedded one to another.
        place = "embedded" if self.cluster else databases.Server(url, {}, ours=False).address
        passwords = self.state.setdefault("accounts", {}).setdefault(place, {})
        for role in databases.ROLES:
            passwords.setdefault(role, accounts.new_password())
        return databases.Server(url, passwords, ours=self.cluster is not None)

    def _save(self, running: dict[str, Any] | None = None) -> None:
        self.state["running"] = running
        private_file.write_json(self.part.state, self.state)

    def _launch(self) -> Supervisor:
        if self.cluster:
            self.cluster.configure()
        for folder in (self.home.prefect, self.home.temporary):
            folder.mkdir(mode=0o700, exist_ok=True)
        supervisor = supervise.launch(
            self.part, list(programs(self.home, self.port, self.server, self.cluster)), daemon=False
        )
        self.undo.callback(self._stop, supervisor)
        return supervisor

    def _stop(self, supervisor: Supervisor) -> None:
        self.progress("Stopping …")
        with deaf():
            supervisor.shutdown()

    def _start_postgres(self) -> None:
        if self.cluster:
            with stage(self.progress, f"Starting Postgres on 127.0.0.1:{self.cluster.port}"):
                self.supervisor.start(POSTGRES)
                watch = self.supervisor.watch(POSTGRES)
                self.cluster.wait_ready(self.state["superuser"], log=self.part.log(POSTGRES), alive=watch)
        databases.provision(self.server)

    def _start_prefect(self) -> None:
        self.supervisor.start(PREFECT)
        # Both import for seconds; the worker then waits for the server.
        self.supervisor.start(WORKER)
        watch = self.supervisor.watch(PREFECT)
        with put_off():
            from flows.journal.migrate import migrate

            migrate(self.server.url(databases.OWNER), databases.RUNNER)
        prefect_server.wait_for_server(self.port, self.home.prefect, log=self.part.log(PREFECT), alive=watch)

    def _running(self) -> Stack:
        journal_url, pid = self.server.url(databases.RUNNER), os.getpid()
        stack = Stack(self.home, self.port, journal_url, pid, self.server.address, self.supervisor)
        self._save(
            {
                "pid": pid,
                "port": self.port,
                "database": self.server.address,
                "prefect_api_url": stack.prefect_api_url,
                "ui_url": stack.ui_url,
                "journal_url": journal_url,
                "pids": {"supervisord": self.supervisor.pid, **self.supervisor.pids()},
            }
        )
        self.undo.callback(self._save)
        return stack
