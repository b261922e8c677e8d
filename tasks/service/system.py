"""The door to services that this machine may restart: by the commands a person would type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.program import Heard, Ran, run
from tasks.system import System

# What LSB and systemd give for a service that is not running; 4 is one they do not know, and no answer.
NOT_RUNNING = frozenset({1, 2, 3})
STATUS_LIMIT_S = 15.0

# A list, never a text: no shell takes it apart. No secrets in it: every user of the machine can read them.
Argv = Annotated[tuple[str, ...], Field(min_length=1)]


class Service(System):
    """A service, restarted and looked at by commands.

    `status` ends with 0 when it runs and with 1, 2 or 3 when it does not. `restart` starts it if it is stopped. A
    command finds what `environment` gives by name, and of ours only what tools need (tasks/program.py).
    """

    restart: Argv
    status: Argv
    # Prints the number of its main process as this machine counts; 0: it does not run.
    pid: Argv | None = None
    # Breaks, in drills. Never set it in production.
    stop: Argv | None = None
    environment: Mapping[str, SecretStr] = Field(default_factory=dict)
    limit_s: float = Field(default=120, gt=0, le=3600)

    @property
    def restart_line(self) -> str:
        """What an operator would type."""
        return shlex.join(self.restart)

    def running(self) -> bool:
        """Does it run?

        Raises:
            CannotLook, Refused: the command does not tell.
        """
        ran = self._run(self.status, STATUS_LIMIT_S, accepts=NOT_RUNNING | {0})
        return ran.exit_code == 0

    def main_pid(self) -> int:
        """The number of its main process.

        Raises:
            CannotLook: it does not run, or the command does not tell.
            Refused: no command is configured for that, or it failed.
        """
        if self.pid is None:
            raise Refused(
                f"Which processes are of this {self.kind} is not known.",
                remedy='pid = ["systemctl", "show", "--property=MainPID", "--value", "web.service"]  # a container: '
                '["docker", "inspect", "--format={{.State.Pid}}", "web"]',
            )
        said = self._run(self.pid, STATUS_LIMIT_S).lines
        told = said[-1].strip() if said else ""
        if not told.isascii() or not told.isdigit() or int(told) == 0:
            raise CannotLook(f"`{shlex.join(self.pid)}` tells no process: the service does not run, or is starting.")
        return int(told)

    def start_again(self, heard: Heard | None = None) -> Ran:
        """Restart it; started if it was stopped.

        Raises:
            CannotLook: it took too long, and may or may not have happened. Refused: it failed.
        """
        return self._run(self.restart, self.limit_s, heard=heard)

    def halt(self) -> Ran:
        """Stop it, for a drill.

        Raises:
            Refused: no command is configured for that, or it failed.
        """
        if self.stop is None:
            raise Refused(
                "No command stops this service, and drills stop nothing by other means.",
                remedy='stop = ["systemctl", "stop", "…"]  # in lab and staging only',
            )
        return self._run(self.stop, self.limit_s)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            running = self.running()
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)
            return
        yield Finding(
            verdict=Verdict.OK if running else Verdict.BAD,
            says=f"`{shlex.join(self.status)}` says that it {'runs' if running else 'does not run'}.",
        )

    def _run(
        self, argv: Argv, limit_s: float, heard: Heard | None = None, accepts: frozenset[int] = frozenset({0})
    ) -> Ran:
        given = {name: value.get_secret_value() for name, value in self.environment.items()}
        return run(argv, limit_s=limit_s, heard=heard, environment=given, accepts=accepts)


class ApplicationService(Service):
    """The application that uses the database."""

    kind: ClassVar[str] = "application_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "web.service"]\nstatus = ["systemctl", "is-active", "web.service"]'
    )


class WorkerService(Service):
    """Those who take jobs from the queues, where they are a service of their own.

    Its command restarts the workers and nothing else: not the service that recreates what has changed beside them.
    """

    kind: ClassVar[str] = "worker_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "worker.service"]\nstatus = ["systemctl", "is-active", "worker.service"]'
    )


class MailService(Service):
    """The mail server, where it is ours: it serves SMTP, and IMAP beside it."""

    kind: ClassVar[str] = "mail_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "postfix"]\nstatus = ["systemctl", "is-active", "postfix"]'
    )


class DatabaseService(Service):
    """The database server itself: a kind of its own, so that nobody restarts it in place of an application."""

    kind: ClassVar[str] = "database_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "postgresql"]\nstatus = ["systemctl", "is-active", "postgresql"]'
    )


class CacheService(Service):
    """The Redis or Valkey server, where it is ours. Its `restart` asks it to stop, and never kills it at once."""

    kind: ClassVar[str] = "cache_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "redis-server"]\nstatus = ["systemctl", "is-active", "redis-server"]'
    )


class N8nService(Service):
    """n8n, where it is ours."""

    kind: ClassVar[str] = "n8n_service"
    config_lines: ClassVar[str] = (
        'restart = ["systemctl", "restart", "n8n"]\nstatus = ["systemctl", "is-active", "n8n"]'
    )
