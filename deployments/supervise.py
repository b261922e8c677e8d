"""Processes kept up by `supervisor`, spoken to over a unix socket; none of them survives it.

A set is either a daemon (the lab, until `incident lab down`) or a leashed child of this process (the stack, the demo).
Its programs run on a leash of their own, so a SIGKILL of supervisord leaves no server behind either.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments import private_file
from deployments.home import Part
from deployments.leash import LEASH, leashed
from deployments.trouble import CannotStart
from deployments.unprivileged import Drop

START_S = 10.0
POLL_S = 0.05
# Longer than any program's own patience, after which supervisor kills it.
STOP_S = 60.0
SUPERVISORD_LOG = "supervisord"
# STARTING and RUNNING in supervisor's numbers.
UP = (10, 20)
FATAL = 200


class NotStarted(CannotStart):
    """Supervisor or one of its programs did not come up."""


class Gone(CannotStart):
    """There is no supervisor, or it ended while it was asked."""


class Leaving(Gone):
    """The supervisor is shutting down: it refuses every question, but stays until its last program is gone."""


class NotStopped(CannotStart):
    """Processes are still there after they were told to stop."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process: its command, what it finds in its environment (None unsets), and how it is stopped."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    directory: Path | None = None
    stop: str = "TERM"
    patience_s: int = 20
    drop: Drop = Drop.NONE
    # It starts processes of its own, which have to go with it: the leash stays and sees to that.
    has_children: bool = False


@dataclass(frozen=True)
class Supervisor:
    """A running supervisord."""

    part: Part
    pid: int
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    def start(self, name: str) -> None:
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop one program and wait until it is gone. One that is not running stays so."""
        if self.state(name) in UP:
            self._call("stopProcess", name, True)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def state(self, name: str) -> int:
        return int(self._call("getProcessInfo", name)["state"])

    def pids(self) -> dict[str, int]:
        """The process ids of the programs that are up."""
        return {info["name"]: info["pid"] for info in self._call("getAllProcessInfo") if info["state"] in UP}

    def given_up(self) -> list[str]:
        """The programs that ended too often to be started again."""
        return [info["name"] for info in self._call("getAllProcessInfo") if info["state"] == FATAL]

    def watch(self, name: str) -> Callable[[], bool]:
        """A question to ask while waiting for `name`: is it still the process it is now?

        Supervisor starts a dead program anew at once, so "is it up" alone would never say no.
        """
        started = self.pids().get(name)
        return lambda: started is not None and self.pids().get(name) == started

    @property
    def alive(self) -> bool:
        return _exists(self.pid)

    def shutdown(self) -> None:
        """Stop the programs in reverse order, then supervisor; return when all of them are gone.

        Raises:
            NotStopped: something is left, and its process ids.
        """
        left = {self.pid}
        if self.alive:
            # Somebody else may have told it to, and then it ends in its own time.
            with contextlib.suppress(Gone):
                left |= set(self.pids().values())
                self._call("shutdown")
        until = time.monotonic() + STOP_S
        while left and time.monotonic() < until:
            left = {pid for pid in left if _exists(pid)}
            time.sleep(POLL_S if left else 0)
        if self.child is not None:
            self.child.poll()
        if left:
            raise NotStopped(
                f"{self.part.folder}: still running after {STOP_S:.0f} s: {sorted(left)}. Kill them by id."
            )
        self.part.clear()

    def _call(self, method: str, *arguments: object) -> Any:
        from supervisor.xmlrpc import Faults, SupervisorTransport

        # The address below is never used: the transport speaks to the socket.
        transport = SupervisorTransport(None, None, f"unix://{self.part.socket}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            try:
                return getattr(server.supervisor, method)(*arguments)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode == Faults.SHUTDOWN_STATE:
                    raise Leaving(f"{self.part.folder}: its supervisor was told to shut down.") from None
                raise
            except (OSError, http.client.HTTPException) as error:
                raise Gone(f"{self.part.folder}: no supervisor answers at {self.part.socket}: {error}") from error


def _exists(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        # A dead child of ours stays visible until it is asked for.
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def connect(part: Part) -> Supervisor | None:
    """The supervisor that runs `part` just now, if there is one. One that is shutting down is waited for.

    Raises:
        NotStopped: it does not end.
    """
    until = time.monotonic() + STOP_S
    while time.monotonic() < until:
        try:
            return Supervisor(part, int(Supervisor(part, 0)._call("getPID")))
        except Leaving:
            time.sleep(POLL_S)
        except Gone:
            return None
    raise NotStopped(f"{part.folder}: the supervisor there has been shutting down for {STOP_S:.0f} s.")


def launch(part: Part, programs: Sequence[Program], *, daemon: bool) -> Supervisor:
    """Start supervisord with `programs` declared, none of them started. They stop in reverse order.

    Raises:
        NotStarted: supervisord ended, or did not answer in time.
    """
    _write(part, programs)
    command = [sys.executable, "-P", "-m", "deployments.supervise", str(part.config)]
    with part.log(SUPERVISORD_LOG).open("ab") as out:
        child = subprocess.Popen(
            command if daemon else leashed(command),
            cwd=part.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # Ctrl-C in the terminal is for us alone: we stop the others in order.
            start_new_session=True,
        )
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        if connect(part) is not None:
            return Supervisor(part, child.pid, child)
        time.sleep(POLL_S)
    child.kill()
    child.wait()
    raise NotStarted(f"supervisord did not start. See {part.log(SUPERVISORD_LOG)}.")


def _write(part: Part, programs: Sequence[Program]) -> None:
    part.create()
    for program in programs:
        private_file.write_json(
            part.program(program.name),
            {
                "command": list(program.command),
                "environment": dict(program.environment),
                "directory": str(program.directory or part.folder),
            },
        )
    private_file.write(part.config, _config(part, programs))


def _config(part: Part, programs: Sequence[Program]) -> str:
    """Supervisor's file. Paths are relative or come from the environment: it has no quoting for ';' and '%'."""
    head = f"""\
[unix_http_server]
file = %(ENV_INCIDENT_SOCKET)s
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon = true
silent = true
umask = 077
# As many files as a process usually may have open; supervisor's own 1024 is more than macOS gives.
minfds = 256
logfile = {part.log(SUPERVISORD_LOG).relative_to(part.folder)}
pidfile = supervisord.pid
"""
    return "\n".join([head, *(_section(part, rank, program) for rank, program in enumerate(programs))])


def _section(part: Part, rank: int, program: Program) -> str:
    file = part.program(program.name).relative_to(part.folder)
    log = part.log(program.name).relative_to(part.folder)
    leash = f"--signal {program.stop} --patience {program.patience_s} --drop {program.drop}"
    watch = " --watch" if program.has_children else ""
    return f"""\
[program:{program.name}]
command = %(ENV_INCIDENT_LEASH)s {leash}{watch} --program {file}
priority = {rank}
autostart = false
autorestart = true
startsecs = 1
startretries = 2
stopsignal = {program.stop}
stopwaitsecs = {program.patience_s}
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
"""


def main(config: Path) -> None:
    """Be supervisord. Its programs are leashed to this process id, which only it knows."""
    from supervisor import supervisord

    watch = ["--watch"] if sys.platform != "linux" else []
    os.environ["INCIDENT_LEASH"] = shlex.join([*LEASH, *watch, "--parent", str(os.getpid())])
    os.environ["INCIDENT_SOCKET"] = str(Part(config.parent).socket)
    supervisord.main(["-c", str(config)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
