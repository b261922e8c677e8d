"""A leashed server ends with its parent, however the parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.leash import ORPHANED, leashed
from deployments.unprivileged import Drop, way
from tests.deployments.processes import alive, children, wait_until

WATCH = [pytest.param(False, marks=pytest.mark.skipif(sys.platform != "linux", reason="the kernel's way")), True]

# Starts its argument on a leash and waits for ever; prints the leash's process id.
PARENT = """
    import os, subprocess, sys, time
    from deployments.leash import leashed
    from deployments.unprivileged import Drop
    watch, how, *command = sys.argv[1:]
    child = subprocess.Popen(leashed(command, stop="INT", how=Drop(how), watch=watch == "True"))
    print(child.pid, flush=True)
    time.sleep(600)
"""
# Prints when it is there, writes down the signal that ends it.
SERVER = """
    import signal, sys, time
    def end(number, frame):
        with open(sys.argv[1], "w") as file:
            file.write(signal.Signals(number).name)
        sys.exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    open(sys.argv[1] + ".ready", "w").close()
    time.sleep(600)
"""


def script(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text)]


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def parents() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for parent in started:
        parent.kill()
        parent.wait()
        assert parent.stdout
        parent.stdout.close()


def start(parents: list[subprocess.Popen[str]], said: Path, watch: bool, how: Drop = Drop.NONE) -> tuple[int, set[int]]:
    """A parent with a leashed server: the parent's process id, and those of leash and server."""
    command = [*script(PARENT), str(watch), how, *script(SERVER), str(said)]
    parents.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    parent = parents[-1]
    assert parent.stdout
    leash = int(parent.stdout.readline())
    wait_until(said.with_name("said.ready").exists, "the server is there")
    return parent.pid, {leash, *children(leash)}


@pytest.mark.parametrize("watch", WATCH)
@pytest.mark.parametrize("how", [Drop.NONE, pytest.param(way(), id="as this machine drops root")])
def test_it_ends_when_its_parent_is_killed(
    parents: list[subprocess.Popen[str]], said: Path, watch: bool, how: Drop
) -> None:
    parent, servers = start(parents, said, watch, how)
    assert len(servers) == (2 if watch else 1)
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: not alive(servers), "leash and server are gone")
    assert said.read_text() == "SIGINT"


@pytest.mark.parametrize("watch", WATCH)
def test_it_passes_signals_on(parents: list[subprocess.Popen[str]], said: Path, watch: bool) -> None:
    _, servers = start(parents, said, watch)
    os.kill(min(servers), signal.SIGHUP)
    wait_until(lambda: not alive(servers), "leash and server are gone")
    assert said.read_text() == "SIGHUP"


@pytest.mark.parametrize("watch", WATCH)
def test_it_does_not_start_for_a_parent_that_has_gone(said: Path, watch: bool) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    ran = subprocess.run(leashed(["touch", str(said)], parent=str(gone.pid), watch=watch), check=False)
    assert ran.returncode == ORPHANED
    assert not said.exists()


@pytest.mark.parametrize("watch", WATCH)
def test_it_ends_with_the_servers_code(watch: bool) -> None:
    assert subprocess.run(leashed(["sh", "-c", "exit 7"], watch=watch), check=False).returncode == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to drop")
def test_it_is_no_longer_root() -> None:
    shown = subprocess.run(leashed(["id", "-u"], how=way()), capture_output=True, text=True, check=True)
    assert shown.stdout.strip() not in ("", "0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_it_can_become_nobody() -> None:
    shown = subprocess.run(leashed(["id", "-un"], how=Drop.NOBODY), capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "nobody"
