"""`incident` with everything imported: each command is a process of its own, forked from one that has waited for it.

`python -P -m tests.deployments.preloaded FD` takes commands over that socket. Importing costs a process a second, with
Prefect two; a fork costs milliseconds. What is forked is the installed program except for its start: environment,
folder, streams and exit code are its own, and what reads the environment or looks at the terminal when it is imported
is imported anew, or comes back no sooner than it is imported (`Kept`). Tests of the start itself ask for the installed
program (`Shell.installed`), and in every `terminal` it is that one.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[2]
EARLY = ("deployments.cli", "deployments.lab", "deployments.stack")
# They rest on Prefect, and commands import them when they need it.
LATE = ("deployments.forkserver", "deployments.imported", "deployments.publish")
# Of what those import: Prefect makes its settings of the environment, and ours may take them over.
READ_THE_ENVIRONMENT = ("prefect", "deployments", "flows", "runbooks", "tasks")
# They ask at import whether there is a terminal, and how wide.
LOOK_AT_THE_TERMINAL = ("deployments.cli", "deployments.commands")
STREAMS = 3
STDERR = 2
# A command with its environment.
AT_MOST_BYTES = 1 << 18


@dataclass
class Kept(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that are loaded, and are not there before somebody imports one: then all of them are."""

    modules: dict[str, ModuleType] = field(default_factory=dict)

    def hide(self, names: Iterable[str]) -> None:
        self.modules = {name: sys.modules.pop(name) for name in names}
        for package, own, _ in self._children():
            with contextlib.suppress(AttributeError):
                delattr(package, own)

    def _children(self) -> Iterable[tuple[ModuleType, str, ModuleType]]:
        for name, module in self.modules.items():
            package, _, own = name.rpartition(".")
            if package in sys.modules:
                yield sys.modules[package], own, module

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self.modules:
            return None
        for package, own, module in list(self._children()):
            setattr(package, own, module)
        sys.modules.update(self.modules)
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
        return importlib.machinery.ModuleSpec(name, self)

    def exec_module(self, module: ModuleType) -> None:
        """It was executed before the fork: `import` takes what lies in `sys.modules` over what it made."""
        sys.modules[module.__name__] = self.modules[module.__name__]


def load() -> Kept:
    """Import all that a command may need. What rests on Prefect is kept until it is asked for."""
    from runbooks.catalog import Catalog

    for name in EARLY:
        importlib.import_module(name)
    Catalog.load()
    before = set(sys.modules)
    assert "prefect" not in before
    for name in LATE:
        importlib.import_module(name)
    sys.modules["deployments.imported"].prepare(team=False)
    kept = Kept()
    kept.hide([name for name in sys.modules if name not in before and name.startswith(READ_THE_ENVIRONMENT)])
    for name in [name for name in sys.modules if name.startswith(LOOK_AT_THE_TERMINAL)]:
        del sys.modules[name]
    return kept


def serve(line: socket.socket) -> None:
    """Fork a process for each command, until nobody is left who asks."""
    kept = load()
    sys.meta_path.insert(0, kept)
    kept.modules["deployments.forkserver"].alone(line.fileno())
    gc.collect()
    gc.freeze()
    # The ones in between are nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line.sendall(b"ready")
    while True:
        asked, files, _, _ = socket.recv_fds(line, AT_MOST_BYTES, STREAMS + 1)
        if not asked:
            return
        if os.fork() == 0:
            line.close()
            _between(json.loads(asked), files)
        for file in files:
            os.close(file)


def _between(asked: Mapping[str, Any], files: list[int]) -> NoReturn:
    """The command's parent: says which process it is, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answer = files
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        _be(asked, streams)
    for file in streams:
        os.close(file)
    with socket.socket(fileno=answer) as back, contextlib.suppress(BrokenPipeError):
        back.sendall(f"{pid}\n".encode())
        back.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _be(asked: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    code = 1
    try:
        for number, file in enumerate(streams):
            os.dup2(file, number)
            os.close(file)
        sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        time.tzset()
        random.seed()
        sys.argv = ["incident", *asked["arguments"]]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from deployments.cli import main

        main()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    except BaseException:  # noqa: BLE001 - as Python itself does with what nobody caught
        traceback.print_exc()
    finally:
        # As at the end of any program; tearing down every module would take as long as all else.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _stream(number: int, mode: str) -> IO[str]:
    """As Python opens it where there is no terminal."""
    errors, buffered = ("backslashreplace", 1) if number == STDERR else ("strict", -1)
    return open(number, mode, buffered, encoding="utf-8", errors=errors, closefd=False)


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], patience_s: float
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` of the installed program, with nothing to read and its output kept.

    Raises:
        subprocess.TimeoutExpired: it was killed after `patience_s`.
    """
    asked = json.dumps({"arguments": arguments, "folder": str(folder), "environment": dict(environment)}).encode()
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        with theirs, Path(os.devnull).open("rb") as nothing:
            files = (nothing.fileno(), said.fileno(), complained.fileno(), theirs.fileno())
            socket.send_fds(_line(), [asked], files)
        ours.settimeout(patience_s)
        with ours.makefile("r", encoding="ascii") as told:
            pid = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), patience_s) from None
        texts = []
        for file in (said, complained):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(["incident", *arguments], code, *texts)


@cache
def _line() -> socket.socket:
    """To the process that forks, which ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INCIDENT_", "PREFECT_"))}
    with theirs:
        number = theirs.fileno()
        command = [sys.executable, "-P", "-m", "tests.deployments.preloaded", str(number)]
        program = subprocess.Popen(
            command, cwd=ROOT, env={**clean, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, pass_fds=[number]
        )
    assert ours.recv(16) == b"ready", "what forks the commands did not come up"
    atexit.register(program.wait)
    atexit.register(ours.close)
    return ours


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
