"""Run a configured program: an argv and never a shell, with a time limit, its output bounded and read as it comes."""

from __future__ import annotations

import os
import re
import selectors
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.model import CannotLook, Refused

# The last lines tell why a program failed; a megabyte of them tells nobody anything.
LINES_KEPT = 200
LINE_CHARACTERS = 2000
LINES_SAID = 15
# Between SIGTERM and SIGKILL: long enough to remove a lock file, short enough for a person who waits.
ENDS_WITHIN_S = 3.0
# What a program said last is still in the pipe when it ends; a daemon it left behind may hold that pipe for ever.
DRAINS_WITHIN_S = 0.2
POLL_S = 0.05
# What a command line tool needs to work at all. Everything else, secrets above all, is given by name.
PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "KUBECONFIG", "DOCKER_HOST",
)  # fmt: skip

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

Heard = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A program that ran: its exit code (negative: the signal that ended it), its last lines, how long it took."""

    argv: tuple[str, ...]
    exit_code: int
    seconds: float
    # Standard output and standard error as they came, at most LINES_KEPT lines of LINE_CHARACTERS.
    lines: tuple[str, ...] = ()
    lines_lost: int = 0

    @property
    def tail(self) -> str:
        """The last lines, indented to stand below a sentence; empty when it said nothing."""
        return "\n".join(f"  | {line}" for line in self.lines[-LINES_SAID:])


class ProgramFailed(Refused):
    """The program ended with an exit code that is not among those accepted; `ran` holds what it said."""

    def __init__(self, ran: Ran) -> None:
        how = f"exit code {ran.exit_code}" if ran.exit_code >= 0 else _by_signal(-ran.exit_code)
        super().__init__(
            _with_tail(f"`{shlex.join(ran.argv)}` failed with {how} after {ran.seconds:.1f} s.", ran),
            remedy="Run it by hand, as the user this process runs as; its last lines say why.",
        )
        self.ran = ran


class ProgramTookTooLong(CannotLook):
    """The program did not end in time and was ended, with every process of its group; `ran` holds what it said."""

    def __init__(self, ran: Ran, limit_s: float) -> None:
        super().__init__(
            _with_tail(f"`{shlex.join(ran.argv)}` did not end within {limit_s:g} s and was ended.", ran),
            remedy="Look what it waits for (a prompt? it gets no input), or give it more time.",
        )
        self.ran = ran


def run(
    argv: Sequence[str],
    *,
    limit_s: float,
    heard: Heard | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    accepts: frozenset[int] = frozenset({0}),
) -> Ran:
    """Run `argv` to its end. `heard` is told each line as it comes; an error it raises ends the program.

    The program gets no input, the few variables of PASSED_ON, and `environment`: secrets belong there and never in
    `argv`, which every user of the machine can read. Processes it leaves behind (it may start a daemon) live on if it
    ends in time, and lose their standard output; on a time-out they are ended with it.

    Raises:
        Refused: there is no such program, or it cannot be run.
        ProgramFailed: it ended with a code that is not in `accepts`.
        ProgramTookTooLong: it did not end within `limit_s` seconds.
    """
    started = time.monotonic()
    child = _start(argv, environment or {}, folder)
    said = _Said(heard)
    in_time = False
    try:
        in_time = _listen(child, said, until=started + limit_s)
        if in_time:
            said.close()
    finally:
        if not in_time:
            _end(child, said)
        if child.stdout:
            child.stdout.close()
    ran = Ran(
        argv=tuple(argv),
        exit_code=child.returncode,
        seconds=round(time.monotonic() - started, 3),
        lines=tuple(said.lines),
        lines_lost=said.heard_of - len(said.lines),
    )
    if not in_time:
        raise ProgramTookTooLong(ran, limit_s)
    if ran.exit_code not in accepts:
        raise ProgramFailed(ran)
    return ran


def _start(argv: Sequence[str], environment: Mapping[str, str], folder: Path | None) -> subprocess.Popen[bytes]:
    if not argv or not argv[0]:
        raise Refused("No program is named.", remedy='Write the command as a list: ["systemctl", "restart", "app"].')
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: on a time-out all of it is ended, and our Ctrl-C does not reach it half-way.
            start_new_session=True,
            env={**passed_on, **environment},
            cwd=folder,
        )
    except FileNotFoundError as error:
        if folder is not None and not folder.is_dir():
            raise Refused(f"{folder}: there is no such folder to run {argv[0]} in.", remedy="Correct it.") from error
        raise Refused(
            f"There is no program {argv[0]} on this machine.",
            remedy="Install it where this process runs, or write its whole path.",
        ) from error
    except PermissionError as error:
        raise Refused(
            f"{argv[0]} may not be run by this process.", remedy=f"chmod +x {shlex.quote(argv[0])}, or run as its owner"
        ) from error
    except (OSError, ValueError) as error:  # a script without #!, a NUL in an argument, an argument list too long
        raise Refused(f"{argv[0]} cannot be run: {error}.", remedy="Correct the command.") from error


@dataclass
class _Said:
    """What a program says, cut into lines; a line without an end is cut too, so that memory stays bounded."""

    heard: Heard | None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    heard_of: int = 0
    _rest: bytes = b""

    def take(self, chunk: bytes) -> None:
        # Progress bars return to the line's beginning instead of ending it.
        *whole, self._rest = re.split(rb"\r\n|\n|\r", self._rest + chunk)
        for line in whole:
            self._line(line)
        while len(self._rest) > 4 * LINE_CHARACTERS:
            self._line(self._rest[: 4 * LINE_CHARACTERS])
            self._rest = self._rest[4 * LINE_CHARACTERS :]

    def close(self) -> None:
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        text = _COLOURS.sub("", line.decode("utf-8", "replace"))[:LINE_CHARACTERS]
        text = "".join(sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
        if not text:
            return
        self.lines.append(text)
        self.heard_of += 1
        if self.heard is not None:
            self.heard(text)


def _listen(child: subprocess.Popen[bytes], said: _Said, until: float) -> bool:
    """Read until the program has ended (True) or the time is up (False)."""
    with _pipe(child) as selector:
        while time.monotonic() < until:
            if child.poll() is not None:
                _drain(selector, said)
                return True
            if selector.get_map():
                _read(selector, said, POLL_S)
            else:
                # It closed its output and works on.
                time.sleep(POLL_S)
        return child.poll() is not None


def _drain(selector: selectors.BaseSelector, said: _Said) -> None:
    until = time.monotonic() + DRAINS_WITHIN_S
    while selector.get_map() and time.monotonic() < until and _read(selector, said, 0):
        pass


def _end(child: subprocess.Popen[bytes], said: _Said) -> None:
    """End the whole group: politely, then without asking. What it still says is kept, and told to nobody.

    A program that closed its output gets no time after SIGTERM: nothing tells it from one that is gone.
    """
    said.heard = None
    _signal_group(child, signal.SIGTERM)
    until = time.monotonic() + ENDS_WITHIN_S
    with _pipe(child) as selector:
        # Not polled meanwhile: as long as it is not reaped, its number, the group's too, belongs to nobody else.
        while selector.get_map() and time.monotonic() < until:
            _read(selector, said, POLL_S)
    _signal_group(child, signal.SIGKILL)
    child.wait()
    said.close()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        # Nobody is left in it (macOS says "not permitted" about a group of the dead).
        return


def _pipe(child: subprocess.Popen[bytes]) -> selectors.BaseSelector:
    selector = selectors.DefaultSelector()
    if child.stdout and not child.stdout.closed:
        selector.register(child.stdout, selectors.EVENT_READ)
    return selector


def _read(selector: selectors.BaseSelector, said: _Said, wait_s: float) -> bool:
    """Take what is there; False when there was nothing."""
    ready = selector.select(wait_s)
    for key, _ in ready:
        chunk = os.read(key.fd, 65536)
        if chunk:
            said.take(chunk)
        else:
            selector.unregister(key.fileobj)
    return bool(ready)


def _by_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_tail(sentence: str, ran: Ran) -> str:
    return f"{sentence} It said:\n{ran.tail}" if ran.lines else f"{sentence} It said nothing."
