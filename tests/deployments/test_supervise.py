"""Supervised processes: started, started again, stopped in order, and gone with their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments import supervise
from deployments.home import Home, NotOurs, Part
from deployments.supervise import Gone, Program, Supervisor
from tests.deployments.processes import alive, children, commands, wait_until

SLEEP = Program(name="sleep", command=["sleep", "600"])


@pytest.fixture
def part(tmp_path: Path) -> Part:
    home = Home(tmp_path / "state; 100 % mine")
    home.create()
    home.stack.create()
    return home.stack


@pytest.fixture
def started() -> Iterator[list[Supervisor]]:
    running: list[Supervisor] = []
    yield running
    for supervisor in running:
        supervisor.shutdown()


def test_it_starts_restarts_and_stops_a_program(part: Part, started: list[Supervisor]) -> None:
    started.append(supervise.launch(part, [SLEEP], daemon=False))
    supervisor = started[0]
    assert supervisor.pids() == {}
    supervisor.start("sleep")
    first = supervisor.pids()["sleep"]
    supervisor.restart("sleep")
    second = supervisor.pids()["sleep"]
    assert second != first
    assert not alive([first])
    supervisor.stop("sleep")
    supervisor.stop("sleep")
    assert not alive([second])


def test_it_starts_a_program_again_that_died(part: Part, started: list[Supervisor]) -> None:
    started.append(supervise.launch(part, [SLEEP], daemon=False))
    started[0].start("sleep")
    watch = started[0].watch("sleep")
    first = started[0].pids()["sleep"]
    wait_until(lambda: started[0].state("sleep") == 20, "it counts as running")
    assert watch()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: started[0].pids().get("sleep", first) != first, "it runs again")
    assert not watch()


def test_it_waits_for_a_supervisor_that_somebody_else_has_stopped(part: Part) -> None:
    slow = Program(name="slow", command=["sh", "-c", "trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done"])
    supervisor = supervise.launch(part, [slow], daemon=False)
    supervisor.start("slow")
    pid = supervisor.pids()["slow"]
    os.kill(supervisor.pid, signal.SIGTERM)
    wait_until(lambda: _leaving(supervisor), "it refuses to answer")
    supervisor.shutdown()
    assert not alive([pid, supervisor.pid])


def _leaving(supervisor: Supervisor) -> bool:
    try:
        supervisor.pids()
    except Gone:  # Leaving is one; the connection may break in just that moment
        return True
    return False


def test_it_gives_up_on_a_program_that_never_lives(part: Part, started: list[Supervisor]) -> None:
    started.append(supervise.launch(part, [Program(name="broken", command=["false"])], daemon=False))
    started[0].start("broken")
    wait_until(lambda: started[0].given_up() == ["broken"], "it is given up")


def test_it_hands_secrets_over_in_the_environment_only(part: Part, started: list[Supervisor], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    secret = 's3cret "quoted" % ; $HOME'
    program = Program(
        name="shows",
        command=["sh", "-c", f'printf %s "$SECRET" > {seen}; exec sleep 600'],
        environment={"SECRET": secret, "HOME": None},
    )
    started.append(supervise.launch(part, [program], daemon=False))
    started[0].start("shows")
    wait_until(lambda: seen.exists() and seen.read_text(), "the program has looked")
    assert seen.read_text() == secret
    holders = [file for file in part.folder.rglob("*") if file.is_file() and "s3cret" in file.read_text()]
    assert holders == [part.program("shows")]
    assert {oct(file.stat().st_mode & 0o777) for file in holders} == {"0o600"}
    assert not [command for command in commands() if "s3cret" in command]


def test_it_closes_its_socket_to_others(part: Part, started: list[Supervisor]) -> None:
    started.append(supervise.launch(part, [SLEEP], daemon=False))
    assert part.socket.stat().st_mode & 0o777 == 0o600
    assert part.socket.parent.stat().st_mode & 0o777 == 0o700
    started.pop().shutdown()
    assert not part.socket.parent.exists()


def test_it_finds_a_daemon_again_and_ends_it(part: Part) -> None:
    launched = supervise.launch(part, [SLEEP], daemon=True)
    launched.start("sleep")
    found = supervise.connect(part)
    assert found is not None
    assert found.pid == launched.pid
    pids = {found.pid, *found.pids().values()}
    found.shutdown()
    assert not alive(pids)
    assert supervise.connect(part) is None


def test_it_leaves_nothing_when_supervisor_is_killed(part: Part) -> None:
    supervisor = supervise.launch(part, [SLEEP], daemon=True)
    supervisor.start("sleep")
    pids = set(supervisor.pids().values())
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not alive(pids), "its programs are gone")
    assert supervise.connect(part) is None


def test_it_leaves_no_grandchildren_when_supervisor_is_killed(part: Part) -> None:
    """As a worker whose runs are under way, and which does not stop because it cannot reach its server."""
    stubborn = "trap '' TERM; sleep 600 & setsid sleep 601 & wait; sleep 602"
    program = Program(name="busy", command=["sh", "-c", stubborn], patience_s=1, has_children=True)
    supervisor = supervise.launch(part, [program], daemon=True)
    supervisor.start("busy")
    (leash,) = supervisor.pids().values()
    wait_until(lambda: children(leash) and len(children(min(children(leash)))) == 2, "it has started its own")
    (shell,) = children(leash)
    pids = {leash, shell, *children(shell)}
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not alive(pids), "all of them are gone")


def test_it_leaves_nothing_when_its_parent_is_killed(part: Part) -> None:
    text = """
        import sys, time
        from pathlib import Path
        from deployments import supervise
        from deployments.home import Part
        from deployments.supervise import Program
        programs = [Program(name="sleep", command=["sleep", "600"])]
        supervisor = supervise.launch(Part(Path(sys.argv[1])), programs, daemon=False)
        supervisor.start("sleep")
        print(supervisor.pid, *supervisor.pids().values(), flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(text), str(part.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = {int(pid) for pid in parent.stdout.readline().split()}
        assert len(alive(pids)) == 2
        parent.kill()
        wait_until(lambda: not alive(pids), "supervisor and program are gone")


def test_it_puts_the_socket_elsewhere_when_the_path_is_long(tmp_path: Path, started: list[Supervisor]) -> None:
    part = Part(tmp_path / ("x" * 60) / ("y" * 60))
    part.create()
    started.append(supervise.launch(part, [SLEEP], daemon=False))
    assert part.folder not in part.socket.parents
    assert part.socket.parent.stat().st_mode & 0o777 == 0o700


def test_it_does_not_trust_a_folder_somebody_else_made(tmp_path: Path) -> None:
    part = Part(tmp_path / ("x" * 60) / ("z" * 60))
    part.socket.parent.mkdir(mode=0o777)
    part.socket.parent.chmod(0o777)
    try:
        with pytest.raises(NotOurs, match="only you can enter"):
            part.create()
    finally:
        part.socket.parent.rmdir()
