"""A process that has imported all that a run needs, and forks a fresh process for each: no run waits for imports.

The worker starts it, `python -P -m deployments.forkserver FD`, and speaks to it over that socket, in lines of JSON:
1. `{"ready": PID}` once everything is imported;
2. `{"run": ID, "flow": NAME, "known": {…}, "environment": {…}}` from the worker, answered by
   `{"run": ID, "began": PID}`; `known` is the run as Prefect has it, without its state;
3. `{"ended": PID, "code": N}` when a run's process has ended: its exit code, or the signal that ended it as -N.
When the worker closes its side, idle children go, and this process with the last run.

Why forking is safe here, while Prefect's authors saw their engine hang in a forked process: a fork copies locks that
another thread holds, and nobody in the copy ever lets go of them. So nothing forks here that has a second thread, an
event loop or a connection. `alone` looks before the first fork, by what the kernel says, and refuses.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from deployments.engine import lightly
from deployments.imported import prepare
from deployments.process_table import name_process

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# Each answers one run at once; a burst is forked as it comes.
SPARES = 2
# Forking takes the processor from the run that has just begun.
REFILL_AFTER_S = 1.0
WITHOUT_TEAM = "--without-team"
LINUX_TASKS = Path("/proc/self/task")
LINUX_FILES = Path("/proc/self/fd")


class NotAlone(Exception):
    """Something was started at import that a fork would tear apart; the message says what."""


def alone(allowed: int) -> None:
    """Refuse to fork a process that has more than its main thread, or a socket besides `allowed`.

    Raises:
        NotAlone: what there is.
    """
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if threads or (LINUX_TASKS.is_dir() and len(list(LINUX_TASKS.iterdir())) > 1):
        raise NotAlone(f"a thread was started at import: {', '.join(threads) or 'not one of Python'}")
    for file in LINUX_FILES.iterdir() if LINUX_FILES.is_dir() else ():
        with contextlib.suppress(OSError):  # the listing's own is gone by now
            if file.name != str(allowed) and str(file.readlink()).startswith(("socket:", "anon_inode:[eventpoll]")):
                raise NotAlone("a connection or an event loop was opened at import")


@dataclass
class Forkserver:
    """Children that wait for a run, and those that execute one."""

    control: socket.socket
    spares: dict[int, socket.socket] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    refill_at: float = 0.0
    unread: bytes = b""
    leaving: bool = False

    def serve(self) -> None:
        """Fork and report until the worker is gone and the last run has ended."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C is for the worker, which ends the runs in order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._tell(ready=os.getpid())
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.control, selectors.EVENT_READ)
            waiting.register(woken, selectors.EVENT_READ)
            while not self.leaving or self.running:
                for key, _ in waiting.select(self._refill()):
                    if key.fileobj is not self.control:
                        os.read(woken, 4096)
                    elif not self._hear():
                        waiting.unregister(self.control)
                        self._leave()
                self._reap()

    def _hear(self) -> bool:
        """Begin what is asked for; False when the worker is gone."""
        try:
            read = self.control.recv(65536)
        except ConnectionResetError:
            read = b""
        *lines, self.unread = (self.unread + read).split(b"\n")
        for line in lines:
            self._begin(json.loads(line))
        return bool(read)

    def _refill(self) -> float | None:
        """Fork what is missing; how long until there is something to do, None for ever."""
        if self.leaving or len(self.spares) >= SPARES:
            return None
        left = self.refill_at - time.monotonic()
        if left <= 0:
            self._fork()
            return 0
        return left

    def _begin(self, asked: Mapping[str, Any]) -> None:
        if not self.spares:
            self._fork()
        pid, line = self.spares.popitem()
        self.refill_at = time.monotonic() + REFILL_AFTER_S
        self.running.add(pid)
        self._tell(run=asked["run"], began=pid)
        # A spare that died just now is reaped below, as a run that ended at once.
        with line, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(json.dumps(asked).encode() + b"\n")

    def _fork(self) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._be_child(ours, theirs)
        theirs.close()
        self.spares[pid] = ours

    def _be_child(self, ours: socket.socket, theirs: socket.socket) -> NoReturn:
        """From here on a process of its own: nothing of its parent's business is left in it."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for others in (ours, self.control, *self.spares.values()):
            others.close()
        live(theirs)

    def _reap(self) -> None:
        for pid, code in _ended():
            self.running.discard(pid)
            if (line := self.spares.pop(pid, None)) is not None:
                # Something is wrong with the machine, and forking as fast as we can mends nothing.
                line.close()
                self.refill_at = time.monotonic() + REFILL_AFTER_S
            else:
                self._tell(ended=pid, code=code)

    def _leave(self) -> None:
        self.leaving = True
        for line in self.spares.values():
            line.close()

    def _tell(self, **said: object) -> None:
        # A worker that was killed hears nothing any more; its runs go on, and the record takes them up.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.control.sendall(json.dumps(said).encode() + b"\n")


def _ended() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while (pid := (found := os.waitpid(-1, os.WNOHANG))[0]) != 0:
            yield pid, os.waitstatus_to_exitcode(found[1])


def live(line: socket.socket) -> NoReturn:
    """Wait for one run, execute it, and end. Nothing is used for a second one."""
    code = 1
    from prefect.context import SyncClientContext

    try:
        # Reads every certificate authority there is: a connection cannot be forked, but it can be there beforehand.
        with SyncClientContext.get_or_create() as prefect:
            greet(prefect.client, line)
            with line:
                asked = line.makefile("r", encoding="utf-8").readline()
            if not asked:
                os._exit(0)
            code = _execute(json.loads(asked))
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    except BaseException:  # noqa: BLE001 - as Python itself does with what nobody caught
        traceback.print_exc()
    finally:
        # As at the end of any program: logs and events are sent. Tearing down every module would take as long again.
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def greet(client: SyncPrefectClient, line: socket.socket) -> None:
    """Ask for something while nobody waits: the first request of its kind fetches the token that all others need.

    For a number: whatever people wrote into their runs, it is none of a process' business that has none yet.
    """
    import httpx

    waited_for, _, _ = select.select([line], [], [], 0)
    if not waited_for:
        with contextlib.suppress(httpx.HTTPError):  # the run itself will say so
            client.count_flow_runs()


def run_name(run: str) -> str:
    """What `ps -o comm` and `top` call the process of a run; the kernel keeps 15 characters."""
    return f"run {run.replace('-', '')[:11]}"


def _execute(asked: Mapping[str, Any]) -> int:
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Pending

    from deployments.engine import execute

    os.environ.update(asked["environment"])
    name_process(run_name(asked["run"]))
    execute(FlowRun(**asked["known"], state=Pending()), asked["flow"])
    return 0


def main(arguments: list[str]) -> None:
    """Import, look that nothing else runs in here, then fork on demand."""
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    prepare(team=False)
    alone(control.fileno())
    if WITHOUT_TEAM not in arguments:
        prepare(team=True)
        try:
            alone(control.fileno())
        except NotAlone as error:
            # Somebody's own runbook must not cost all others their start: begin again without it.
            print(f"The team's runbooks are imported by each run anew: {error}.", file=sys.stderr, flush=True)
            control.set_inheritable(True)
            os.execv(sys.executable, [*COMMAND, arguments[0], WITHOUT_TEAM])  # noqa: S606 - no shell, on purpose
    gc.collect()
    # What is there now is never looked at by a child's garbage collector, so its pages stay shared.
    gc.freeze()
    with lightly():
        Forkserver(control).serve()


# -P: a folder called `deployments` in the current directory is not ours.
COMMAND = (sys.executable, "-P", "-m", "deployments.forkserver")

if __name__ == "__main__":
    main(sys.argv[1:])
