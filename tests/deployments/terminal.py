"""The `incident` command as people use it: the installed program, in a pipe or in a terminal of 80 columns."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deployments import preloaded

INCIDENT = Path(sys.executable).with_name("incident")
PATIENCE_S = 420.0
# Then a key that was pressed was not heard.
HEARD_WITHIN_S = 5.0
# Colours and cursor movements; links, which a terminal shows as their text alone.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\]8;[^\x1b]*\x1b\\")
# What would point a command at somebody else's stack, or make it answer by itself.
FOREIGN = ("AUTO", "DATABASE_URL", "INCIDENT_", "PREFECT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a fresh shell gives to a command, with this home."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**shell, "INCIDENT_HOME": str(home), "TERM": "xterm-256color", **(more or {})}


class Shell:
    """A shell's folder and home, for commands in pipes: `incident` without the seconds that its start takes."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder

    def __call__(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return preloaded.run(arguments, self.folder, environment(self.home, more), PATIENCE_S)

    def installed(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The installed program, where it matters how it starts."""
        return subprocess.run(
            [INCIDENT, *arguments],
            cwd=self.folder,
            env=environment(self.home, more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def json(self, *arguments: str, **more: str) -> Any:
        """What a script reads: nothing but JSON on standard output."""
        return json.loads(self(*arguments, "--json", **more).stdout)


class Terminal:
    """One command in a terminal of 80 columns; what it shows is read as it comes, colours left out."""

    def __init__(self, shell: Shell, *arguments: str, **more: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [INCIDENT, *arguments],
            cwd=shell.folder,
            env=environment(shell.home, more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # A session of its own with this as its terminal: Ctrl-C reaches it as in real life.
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        self._ours = ours
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._shown = ""

    @property
    def screen(self) -> str:
        """Everything shown so far, without colours."""
        return ESCAPES.sub("", self._shown).replace("\r", "")

    def wait_for(self, words: str, times: int = 1) -> None:
        """Until `words` were shown `times` times, wherever lines were wrapped."""
        until = time.monotonic() + PATIENCE_S
        while _flat(self.screen).count(_flat(words)) < times:
            if time.monotonic() > until or not self._read(until - time.monotonic()):
                pytest.fail(f"never showed {words!r}:\n{self.screen}")

    def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def press(self, key: str) -> None:
        """A key with Ctrl held: C, D."""
        os.write(self._ours, bytes([ord(key) - ord("@")]))

    def leave(self, key: str) -> int:
        """Press the key with Ctrl held until it is heard, as people do; the exit code.

        A prompt is shown a moment before it reads, and a D pressed in that moment is lost: the terminal drops an end of
        file that nobody has read when its manner of reading changes.
        """
        until = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < until:
            self.press(key)
            again = time.monotonic() + HEARD_WITHIN_S
            while self.process.poll() is None and (left := again - time.monotonic()) > 0:
                self._read(min(left, 0.1))
        return self.ended()

    def ended(self) -> int:
        """Its exit code, when it is over."""
        until = time.monotonic() + PATIENCE_S
        while self._read(until - time.monotonic()):
            assert time.monotonic() < until, f"still running:\n{self.screen}"
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)

    def _read(self, patience_s: float) -> bool:
        """Read what is there; False when the terminal is closed."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, patience_s))
        if not ready:
            return False
        try:
            shown = os.read(self._ours, 65536)
        except OSError:
            # Linux reports the last writer's end so.
            return False
        self._shown += self._decoder.decode(shown)
        return bool(shown)


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _flat(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def terminal(shell: Shell, *arguments: str, **more: str) -> Iterator[Terminal]:
    """A command in a terminal, killed at the end if it still runs."""
    opened = Terminal(shell, *arguments, **more)
    try:
        yield opened
    finally:
        opened.close()
