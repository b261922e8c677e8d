"""Run a server so that it cannot outlive its parent: `python -m deployments.leash --signal INT -- postgres -D data`.

On Linux the kernel sends the signal when the parent dies, and the leash becomes the server: its process id and its
signals are the server's own. Elsewhere, or with `--watch`, the leash stays between the two, forwards signals, and when
the parent has gone stops the server and whatever the server has started.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from deployments.process_table import descendants
from deployments.unprivileged import Drop, drop

# -P: a folder called `deployments` in the current directory is not ours.
LEASH = (sys.executable, "-P", "-m", "deployments.leash")
PR_SET_PDEATHSIG = 1
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
POLL_S = 0.2
# Postgres writes out its buffers on a fast shutdown; what is not done by then would not be done either.
PATIENCE_S = 20.0
ORPHANED = 70


def leashed(
    command: Sequence[str],
    *,
    stop: str = "TERM",
    parent: str | None = None,
    how: Drop = Drop.NONE,
    watch: bool | None = None,
) -> list[str]:
    """`command` on a leash; `parent` is the process id it belongs to (by default this process)."""
    if watch is None:
        # The kernel's signal comes when the starting *thread* ends, which need not be the end of the process.
        watch = sys.platform != "linux" or threading.current_thread() is not threading.main_thread()
    start = ["--signal", stop, "--parent", parent or str(os.getpid()), "--drop", how]
    return [*LEASH, *start, *(["--watch"] if watch else []), "--", *command]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments(arguments)
    stop = signal.Signals[f"SIG{asked.signal}"]
    command = _take_up(asked.program) if asked.program else asked.command
    # Changing credentials clears the death signal, so they come first.
    drop(Drop(asked.drop))
    if asked.watch:
        sys.exit(_watch(command, stop, asked.parent, asked.patience))
    if sys.platform == "linux":
        _die_with_parent(stop)
    # The parent may have died before the kernel was told to watch it.
    if asked.parent is not None and os.getppid() != asked.parent:
        sys.exit(ORPHANED)
    os.execvp(command[0], command)  # noqa: S606 - no shell, on purpose


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deployments.leash", description=__doc__)
    parser.add_argument("--signal", default="TERM", help="sent to the command when the parent is gone")
    parser.add_argument("--parent", type=int, help="process id the command belongs to")
    parser.add_argument("--drop", choices=list(Drop), default=Drop.NONE, help="how to stop being root first")
    parser.add_argument("--watch", action="store_true", help="stay and watch, where the kernel cannot")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds a watched command has to stop")
    parser.add_argument("--program", type=Path, help="JSON file with command, environment (null unsets) and directory")
    parser.add_argument("command", nargs="*")
    asked = parser.parse_args(arguments)
    if bool(asked.command) == bool(asked.program):
        parser.error("give either a command after -- or --program FILE")
    return asked


def _take_up(file: Path) -> list[str]:
    """Put on the program's environment and directory; secrets travel in its 0600 file, never in arguments."""
    program = json.loads(file.read_text(encoding="utf-8"))
    for name, value in program["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.chdir(program["directory"])
    return list(program["command"])


def _die_with_parent(stop: signal.Signals) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(stop), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")


def _watch(command: Sequence[str], stop: signal.Signals, parent: int | None, patience_s: float) -> int:
    held_by = parent if parent is not None else os.getppid()
    if os.getppid() != held_by:
        return ORPHANED
    # Blocked until the child exists, so that no signal falls between starting it and knowing whom to forward to.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = subprocess.Popen(command, preexec_fn=_prepare_watched)
    for number in FORWARDED:
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    while child.poll() is None and os.getppid() == held_by:
        time.sleep(POLL_S)
    if child.poll() is None:
        _put_down(child, stop, patience_s)
    return _ended(child)


def _prepare_watched() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    if sys.platform == "linux":
        # Without its leash nobody would stop it.
        _die_with_parent(signal.SIGKILL)


def _put_down(child: subprocess.Popen[bytes], stop: signal.Signals, patience_s: float) -> None:
    # Asked for now: once their parent is dead, nothing tells whose they were. Groups and sessions do not help, for a
    # worker gives each run its own.
    started = descendants(child.pid)
    child.send_signal(stop)
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        started |= descendants(child.pid)
        child.kill()
        child.wait()
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The child's exit code; a death by signal N is 128 + N, as a shell says it."""
    code = child.returncode
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
