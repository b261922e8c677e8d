"""Starting runs in processes that have everything imported: the worker's side of `deployments.forkserver`.

A release of our code, of the team's, or of the configuration replaces the forkserver before the next run begins; the
runs of the old one end in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import anyio
import anyio.abc
from prefect.runner._process_manager import ProcessHandle

from deployments.forkserver import COMMAND
from flows.run import settings
from tasks.toml import InvalidConfig

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.runner._control_channel import ControlChannel

ROOMS = tuple(Path(__file__).parents[1] / room for room in ("tasks", "runbooks", "flows", "deployments"))
# Importing takes two to three seconds, a busy machine several times as long.
READY_WITHIN_S = 60.0
# As a process that nobody can ask any more ends.
KILLED = -signal.SIGKILL

Release = frozenset[tuple[str, int, int]]


class CannotFork(Exception):
    """The forkserver did not come up; its own words are in the worker's log."""


def release() -> Release:
    """What the code and the configuration are now: each file's name, time and size."""
    return frozenset(
        (str(file), (seen := file.stat()).st_mtime_ns, seen.st_size)
        for folder in (*ROOMS, *_team())
        for file in _files(folder)
        if file.exists()
    )


def _team() -> Iterator[Path]:
    try:
        config = settings.config()
    except InvalidConfig:
        return  # whoever asks for an environment is told
    yield config.file
    yield from (folder for folder in (config.team.runbooks, config.team.systems) if folder is not None)


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names if name.endswith((".py", ".sql")))


@dataclass(eq=False)
class Forked:
    """A run's process. `returncode` is None until it has ended."""

    pid: int
    returncode: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, code: int) -> None:
        self.returncode = code
        self.ended.set()


@dataclass(eq=False)
class Generation:
    """One forkserver: what was released when it began, and the runs in it."""

    of: Release
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    program: subprocess.Popen[bytes]
    asked: dict[str, asyncio.Future[Forked]] = field(default_factory=dict)
    running: dict[int, Forked] = field(default_factory=dict)
    heard: asyncio.Task[None] | None = None
    left: bool = False

    @classmethod
    async def begin(cls) -> Generation:
        """Start one and wait until it has imported everything.

        Raises:
            CannotFork: it ended, or takes too long.
        """
        of = await asyncio.to_thread(release)
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*COMMAND, str(theirs.fileno())]
            program = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        reader, writer = await asyncio.open_connection(sock=ours)
        made = cls(of, reader, writer, program)
        try:
            ready = await asyncio.wait_for(reader.readline(), READY_WITHIN_S)
        except TimeoutError:
            ready = b""
        except asyncio.CancelledError:
            # The worker ends; what still imports would outlive it by seconds.
            program.kill()
            program.wait()
            raise
        if not ready:
            made.leave()
            program.kill()
            raise CannotFork("The process that starts the runs did not come up; the worker's log says why.")
        made.heard = asyncio.create_task(made.hear())
        return made

    async def start(self, run: UUID, environment: dict[str, str], **known: object) -> Forked:
        """Hand the run, and what is `known` of it, to a process that waits for one.

        Raises:
            CannotFork: the forkserver is gone.
        """
        if not self.alive:
            raise CannotFork("The process that starts the runs is gone.")
        began: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self.asked[str(run)] = began
        self.writer.write(json.dumps({"run": str(run), "environment": environment, **known}).encode() + b"\n")
        return await began

    async def hear(self) -> None:
        """Take note of what begins and ends, until the forkserver is gone."""
        with contextlib.suppress(ConnectionError):
            while line := await self.reader.readline():
                self._note(json.loads(line))
        self.leave()
        for began in (one for one in self.asked.values() if not one.done()):
            began.set_exception(CannotFork("The process that starts the runs ended before it began this one."))
        self.asked.clear()
        # Nobody is left who would hear how they end: no run goes on unseen.
        for forked in list(self.running.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(forked.pid, signal.SIGKILL)
            forked.end(KILLED)
        self.running.clear()
        await asyncio.to_thread(self.program.wait)

    def _note(self, said: dict[str, Any]) -> None:
        if "began" in said:
            forked = self.running[said["began"]] = Forked(said["began"])
            # Whoever asked may have been told to stop meanwhile; how it ends is heard all the same.
            if not (began := self.asked.pop(said["run"])).done():
                began.set_result(forked)
        elif (ended := self.running.pop(said["ended"], None)) is not None:
            ended.end(said["code"])

    @property
    def alive(self) -> bool:
        return self.heard is not None and not self.heard.done() and not self.left

    def leave(self) -> None:
        """Take no further run; those under way end in it."""
        if not self.left:
            self.left = True
            with contextlib.suppress(OSError):
                self.writer.write_eof()


@dataclass(eq=False)
class Nursery:
    """The forkserver of the present release."""

    present: Generation | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> Generation:
        """The forkserver for what is released now, made anew where it is not.

        Raises:
            CannotFork: it does not come up.
        """
        async with self.changing:
            before = self.present
            if before is None or not before.alive or before.of != await asyncio.to_thread(release):
                self.present = await Generation.begin()
                if before is not None:
                    before.leave()
            assert self.present is not None  # noqa: S101 - made above
            return self.present

    async def warm(self) -> None:
        """Have it ready before the first run. What is wrong with it is said of each run that wants to begin."""
        with contextlib.suppress(CannotFork):
            await self.ready()

    async def close(self) -> None:
        """Take no further run."""
        if self.present is not None:
            self.present.leave()


@dataclass(frozen=True)
class ForkStarter:
    """Prefect's executor starts a run's process through this, and waits in it until that has ended."""

    nursery: Nursery
    control: ControlChannel
    # Its name on the server: only the process that executes it looks whether it is ours.
    flow: str
    # Called when the process is there.
    begun: Callable[[], None]

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Begin the run.

        Raises:
            CannotFork: nothing was begun.
        """
        environment = {"PREFECT__FLOW_RUN_ID": str(flow_run.id)}
        with contextlib.suppress(RuntimeError):  # no listener could be bound: a cancelled run is ended by signal alone
            port, token = self.control.register(flow_run.id)
            environment |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        try:
            # Without its state: that may hold what the server says are results.
            known = flow_run.model_dump(mode="json", exclude={"state"})
            generation = await self.nursery.ready()
            forked = await generation.start(flow_run.id, environment, flow=self.flow, known=known)
        except BaseException:
            self.control.unregister(flow_run.id)
            raise
        # It has what Prefect asks of a process: `pid` and `returncode`.
        task_status.started(ProcessHandle(cast("Any", forked)))
        self.begun()
        await forked.ended.wait()
