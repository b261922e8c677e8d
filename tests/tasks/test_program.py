"""Programs that end, fail, hang, shout, and leave others behind."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.model import CannotLook, Refused
from tasks.program import LINE_CHARACTERS, LINES_KEPT, ProgramFailed, ProgramTookTooLong, run

# Longer than any machine is busy, and shorter than what the programs here wait for.
DEADLINE_S = 60.0


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # An orphan nobody has buried yet does nothing any more.
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def took_too_long(code: str, started: Callable[[], object]) -> ProgramTookTooLong:
    """How such a program was ended, once it had started: on a busy machine that may take longer than its limit."""
    for limit_s in (2, 8, 32):
        with pytest.raises(ProgramTookTooLong) as caught:
            run(python(code), limit_s=limit_s)
        if started():
            return caught.value
    pytest.fail("It never started.")


def until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"Never within {DEADLINE_S:g} s: {what}")
        time.sleep(0.02)


def test_it_returns_what_the_program_said_on_both_streams() -> None:
    ran = run(python("import sys; print('one', flush=True); print('two', file=sys.stderr)"), limit_s=20)
    assert (ran.exit_code, ran.lines, ran.lines_lost) == (0, ("one", "two"), 0)
    assert 0 < ran.seconds < 20


def test_it_tells_each_line_while_the_program_runs(tmp_path: Path) -> None:
    heard: list[str] = []
    told = tmp_path / "told"
    # It says the second line only after somebody has heard the first.
    code = (
        "import os, time; print('now', flush=True)\n"
        f"while not os.path.exists({str(told)!r}): time.sleep(0.01)\n"
        "print('later')"
    )

    def hear(line: str) -> None:
        heard.append(line)
        told.touch()

    run(python(code), limit_s=DEADLINE_S, heard=hear)
    assert heard == ["now", "later"]


def test_it_never_meets_a_shell(tmp_path: Path) -> None:
    hostile = f"; touch {tmp_path}/hacked $(touch {tmp_path}/hacked) `id` && *"
    assert run(python("import sys; print(sys.argv[1])", hostile), limit_s=20).lines == (hostile,)
    assert not list(tmp_path.iterdir())


def test_it_keeps_our_secrets_from_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_URL", "postgresql://u:hunter2@h/d")
    code = "import os; print(os.environ.get('POSTGRES_URL'), os.environ.get('GIVEN'), bool(os.environ.get('PATH')))"
    assert run(python(code), limit_s=20, environment={"GIVEN": "yes"}).lines == ("None yes True",)


def test_it_gives_no_input_to_wait_for() -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))"), limit_s=20).lines == ("''",)


def test_it_says_there_is_no_such_program() -> None:
    with pytest.raises(Refused, match="There is no program no-such-program-here") as caught:
        run(["no-such-program-here"], limit_s=1)
    assert "Install it" in caught.value.remedy


def test_it_says_the_program_may_not_be_run(tmp_path: Path) -> None:
    script = tmp_path / "deploy.sh"
    script.write_text("#!/bin/sh\ntrue\n")
    with pytest.raises(Refused, match="may not be run by this process") as caught:
        run([str(script)], limit_s=1)
    assert "chmod +x" in caught.value.remedy


@pytest.mark.parametrize("argv", [[], [""], ["/bin/echo", "a\0b"]])
def test_it_refuses_a_command_that_is_none(argv: list[str]) -> None:
    with pytest.raises(Refused):
        run(argv, limit_s=1)


def test_it_says_the_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such folder"):
        run(python("pass"), limit_s=1, folder=tmp_path / "gone")


def test_it_fails_with_the_exit_code_and_the_last_lines() -> None:
    code = "print('\\n'.join(f'line {n}' for n in range(40))); raise SystemExit(3)"
    with pytest.raises(ProgramFailed) as caught:
        run(python(code), limit_s=20)
    assert "failed with exit code 3" in caught.value.says
    assert caught.value.says.endswith("  | line 38\n  | line 39")
    assert "line 10" not in caught.value.says
    assert caught.value.ran.exit_code == 3


def test_it_accepts_the_exit_codes_it_is_told() -> None:
    # systemctl status says 3 for a stopped service: an answer, no failure.
    assert run(python("raise SystemExit(3)"), limit_s=20, accepts=frozenset({0, 3})).exit_code == 3


def test_it_names_the_signal_that_ended_the_program() -> None:
    with pytest.raises(ProgramFailed, match="failed with SIGKILL"):
        run(python("import os; os.kill(os.getpid(), 9)"), limit_s=20)


def test_it_ends_a_program_that_takes_too_long_and_shows_what_it_said(tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = f"import time; print('waiting', flush=True); open({str(started)!r}, 'w').close(); time.sleep(99)"
    caught = took_too_long(code, started.exists)
    assert isinstance(caught, CannotLook)
    assert not isinstance(caught, Refused)
    assert re.search(r"did not end within \d+ s and was ended\. It said:\n  \| waiting$", caught.says)


def test_it_ends_a_program_and_its_children_that_ignore_sigterm(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "time.sleep(99)\n"
    )
    took_too_long(code, started=lambda: pids.exists() and len(pids.read_text().split()) == 2)
    both = [int(pid) for pid in pids.read_text().split()]
    assert len(both) == 2
    until(lambda: all(map(gone, both)), "both processes are gone")


def test_it_lets_a_program_clean_up_after_sigterm(tmp_path: Path) -> None:
    lock, ready = tmp_path / "lock", tmp_path / "ready"
    code = (
        "import signal, sys, time, pathlib\n"
        f"lock = pathlib.Path({str(lock)!r}); lock.touch()\n"
        "def end(*_): time.sleep(0.3); lock.unlink(); print('cleaned', flush=True); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(99)\n"
    )
    assert "cleaned" in took_too_long(code, started=ready.exists).says
    assert not lock.exists()


def test_it_does_not_wait_for_a_daemon_that_holds_the_pipe(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        f"    open({str(pid)!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(99)\n"
        "while not os.path.exists("
        f"{str(pid)!r}): time.sleep(0.01)\n"
        "print('started')\n"
    )
    started = time.monotonic()
    assert run(python(code), limit_s=30).lines == ("started",)
    assert time.monotonic() - started < DEADLINE_S
    # It started a daemon as it was asked to: the daemon lives.
    daemon = int(pid.read_text())
    assert not gone(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_it_does_not_wait_for_a_daemon_that_never_stops_talking(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import os\n"
        "if os.fork() == 0:\n"
        f"    open({str(pid)!r}, 'w').write(str(os.getpid()))\n"
        "    while True: os.write(1, b'chatter\\n' * 1000)\n"
    )
    started = time.monotonic()
    run(python(code), limit_s=30)
    assert time.monotonic() - started < DEADLINE_S
    until(lambda: pid.exists() and pid.read_text() and gone(int(pid.read_text())), "the broken pipe ended it")


@pytest.mark.parametrize("unit", [b"x" * 1000 + b"\n", b"y" * 1000], ids=["lines", "one endless line"])
def test_it_stays_small_whatever_the_program_shouts(unit: bytes, tmp_path: Path) -> None:
    shouted = tmp_path / "shouted"
    shout = f"for _ in range(100): os.write(1, {unit!r} * 60)"
    code = f"import os\n{shout}\nopen({str(shouted)!r}, 'w').close()\nwhile True: os.write(1, {unit!r} * 60)"
    ran = took_too_long(code, shouted.exists).ran
    assert len(ran.lines) == LINES_KEPT
    assert ran.lines_lost > 0
    assert max(map(len, ran.lines)) <= LINE_CHARACTERS


def test_it_survives_bytes_that_are_no_text() -> None:
    code = r"import os; os.write(1, b'caf\xe9 \x00\x1b[31mred\x1b[0m\r\n10%\r20%\r100%\n\xf0\x9f\x90\x98')"
    assert run(python(code), limit_s=20).lines == ("caf\ufffd \ufffdred", "10%", "20%", "100%", "🐘")


def test_it_ends_the_program_when_the_listener_breaks(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); print('hi', flush=True); time.sleep(99)"

    def broken(line: str) -> None:
        raise KeyError(line)

    with pytest.raises(KeyError):
        run(python(code), limit_s=60, heard=broken)
    assert gone(int(pid.read_text()))


def test_it_hears_the_end_of_a_program_that_closed_its_output() -> None:
    assert run(python("import os, time; os.close(1); os.close(2); time.sleep(0.3)"), limit_s=20).exit_code == 0
