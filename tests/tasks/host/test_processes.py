"""Processes of a real machine: which grows, which spins, and that exactly the one that was meant is stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.host.machine import Machine, Memory
from tasks.host.processes import actions, checks, running, stopping
from tasks.host.processes.actions import (
    RestartLeakingApplication,
    RestartSpinningApplication,
    StopSpinningProcesses,
)
from tasks.host.processes.checks import (
    BUSY_OVER,
    GROWN_OVER,
    MEMORY_LEFT,
    OF_ONE_CORE,
    check_growing_processes,
    check_spinning_processes,
)
from tasks.host.processes.running import Process, Sample
from tasks.host.system import Host
from tasks.host_metrics.system import HostMetrics
from tasks.model import BlastRadius, CannotLook, Command, Earlier, Finding, Plan, Refused, Risk, Row, Threshold, Verdict
from tasks.service.system import ApplicationService
from tests.tasks.host.programs import LARGE, LEAKS, SPINS, STUBBORN
from tests.tasks.host.programs import running as started
from tests.tasks.service.conftest import commands, folder  # noqa: F401 - `folder` is a fixture

GIB, MIB = 2.0**30, 2.0**20
AT_ONCE = Threshold(warn=0.5, bad=1.5, because="A test does not wait for minutes.")
SOON = Threshold(warn=1e9, bad=1e8, because="However much memory this machine has, a test's leak is seen.")
HALF_A_CORE = Threshold(warn=0.1, bad=0.2, because="A test shares its machine with others.")


def seen(**changes: object) -> Process:
    told = Process(
        pid=4711, began=99, parent=1, program="node", unit="web.service", own=200 * MIB, cpu_s=10.0, at_s=1000.0
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def still(process: Process) -> Sample:
    """Seconds in which nothing happens."""
    return Sample(
        processes=[process],
        own={process.identity: [(process.at_s - 2 + n, process.own) for n in range(3)]},
        cpu={process.identity: [(process.at_s - 2, process.cpu_s), (process.at_s, process.cpu_s)]},
    )


class Told(Host):
    """A machine with so much memory left."""

    def memory(self) -> Memory:
        return replace(super().memory(), available=4 * GIB)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Process], None]:
    """From now on this is the only process there is."""

    def only(process: Process) -> None:
        monkeypatch.setattr(checks, "sampled", lambda _programs: still(process))

    return only


def grown_over(looked: Callable[[Process], None], minutes: int, mib_a_minute: float) -> Finding:
    found = None
    for minute in range(0, minutes + 1, 5):
        looked(seen(own=(500 + minute * mib_a_minute) * MIB, at_s=60.0 * minute))
        earlier = Earlier(at_s=0, value=0, facts=found.facts) if found else None
        found = check_growing_processes.fn(Told(), earlier=earlier)
    assert found is not None
    return found


def test_it_tells_a_leak_from_a_large_process(looked: Callable[[Process], None]) -> None:
    leak = grown_over(looked, 30, mib_a_minute=20)
    assert leak.verdict is Verdict.BAD
    assert leak.says == (
        "node (pid 4711, web.service) grows by 20.0 MiB a minute, for 30 minutes, and holds 1.1 GiB: the 4.0 GiB that "
        "are left are used up in 3 hours (bad from 4 hours)."
    )
    assert grown_over(looked, 30, mib_a_minute=0).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(5, Verdict.OK), (10, Verdict.WARN), (25, Verdict.WARN), (30, Verdict.BAD)]
)
def test_it_waits_until_a_start_would_be_over(
    looked: Callable[[Process], None], minutes: int, verdict: Verdict
) -> None:
    assert grown_over(looked, minutes, mib_a_minute=20).verdict is verdict


def test_it_takes_one_jump_for_no_leak(looked: Callable[[Process], None]) -> None:
    found = None
    for minute in range(0, 31, 5):
        looked(seen(own=(900 if minute >= 15 else 200) * MIB, at_s=60.0 * minute))
        found = check_growing_processes.fn(
            Told(), earlier=Earlier(at_s=0, value=0, facts=found.facts) if found else None
        )
    assert found is not None
    assert found.verdict is Verdict.OK


def test_it_knows_that_a_number_was_given_to_another_process(looked: Callable[[Process], None]) -> None:
    old = grown_over(looked, 30, mib_a_minute=20)
    looked(seen(began=100, own=3000 * MIB, at_s=1900.0))
    found = check_growing_processes.fn(Told(), earlier=Earlier(at_s=0, value=0, facts=old.facts))
    assert found.verdict is Verdict.OK


def test_it_forgets_what_it_knew_of_another_machine(looked: Callable[[Process], None]) -> None:
    facts = {**grown_over(looked, 30, mib_a_minute=20).facts, "host": "another"}
    assert check_growing_processes.fn(Told(), earlier=Earlier(at_s=0, value=0, facts=facts)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("cores", "over_s", "verdict"),
    [
        (0.94, 300, Verdict.WARN),
        (0.95, 299, Verdict.WARN),
        (0.95, 300, Verdict.BAD),
        (0.99, 59, Verdict.OK),
        (0.79, 600, Verdict.OK),
    ],
)
def test_it_calls_it_spinning_only_after_minutes(
    looked: Callable[[Process], None], cores: float, over_s: float, verdict: Verdict
) -> None:
    process = seen(cpu_s=1000.0, at_s=5000.0)
    looked(process)
    before = [process.at_s - over_s, process.cpu_s - cores * over_s]
    facts: Row = {"host": Host().address, "looks": {process.identity: before}}

    found = check_spinning_processes.fn(Host(), earlier=Earlier(at_s=0, value=0, facts=facts))

    assert found.verdict is verdict


def test_the_limits_have_an_owner() -> None:
    for limit in (MEMORY_LEFT, GROWN_OVER, OF_ONE_CORE, BUSY_OVER):
        assert "Owner:" in limit.because


def test_it_sees_a_real_leak_and_not_a_real_large_process() -> None:
    with started(LEAKS, "test-leaks"), started(LARGE, "test-large"):
        host = Host(programs=("test-leaks", "test-large"))
        found = check_growing_processes.fn(host, left=SOON, over=AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert found.says.startswith("test-leaks (pid ")
    by_program = {row["program"]: row for row in found.rows}
    assert float(str(by_program["test-large"]["own_bytes"])) > 95e6
    assert by_program["test-large"]["grows_bytes_a_minute"] == 0
    # PSS is at least what is its own, and is readable of our own processes.
    assert float(str(by_program["test-large"]["with_its_share_of_what_is_shared_bytes"])) > 95e6


def test_it_shows_no_command_line() -> None:
    with started(SPINS, "test-spins", secret="--password=hunter2-canary"):
        host = Host(programs=("test-spins",), may_stop=("test-spins",))
        found = check_spinning_processes.fn(host, spinning=HALF_A_CORE, over=AT_ONCE)
        plan = StopSpinningProcesses().plan(host, HALF_A_CORE)

    assert found.verdict is Verdict.BAD
    assert found.says.startswith("test-spins (pid ")
    assert "canary" not in f"{found}{plan}"


def test_it_shows_a_name_as_it_may_be_shown() -> None:
    with started(SPINS, "a\x1b[31m\nb"):
        named = [one.program for one in running.processes() if one.program.startswith("a") and "31m" in one.program]
    assert named == ["a [31m b"]


def test_it_stops_exactly_the_one_that_spins() -> None:
    with started(SPINS, "test-spins") as child, started(LARGE, "test-spins") as neighbour:
        host = Host(programs=("test-spins",), may_stop=("test-spins",))
        plan = StopSpinningProcesses().plan(host, HALF_A_CORE)

        assert [command.line for command in plan.commands] == [f"kill -TERM {child.pid}"]
        assert plan.risk is Risk.HIGH
        assert StopSpinningProcesses().applied(host, plan) is False
        outcome = StopSpinningProcesses().apply(host, plan)

        assert outcome.says == "1 of 1 ended."
        # Nobody has asked how it ended: it is a zombie, and counts as ended.
        assert StopSpinningProcesses().applied(host, plan) is True
        assert child.wait() == -15
        assert neighbour.poll() is None
        # Killed half-way and begun again: nothing more happens.
        assert StopSpinningProcesses().apply(host, plan).rows[0]["became"] == stopping.GONE
        assert not StopSpinningProcesses().plan(host, HALF_A_CORE).commands


def test_it_leaves_alone_whoever_has_the_number_now() -> None:
    with started(SPINS, "test-spins") as child:
        host = Host(may_stop=("test-spins",))
        target = {"pid": child.pid, "began": running.began(child.pid) - 1, "program": "test-spins"}
        outcome = StopSpinningProcesses().apply(host, plan_of(target))
        assert outcome.rows[0]["became"] == stopping.GONE
        assert child.poll() is None


def test_it_stops_neither_itself_nor_whom_it_descends_from() -> None:
    for pid in (os.getpid(), os.getppid(), 1):
        target = {"pid": pid, "began": running.began(pid), "program": "x"}
        outcome = StopSpinningProcesses().apply(Host(may_stop=("x",)), plan_of(target))
        assert outcome.rows[0]["became"] == "left alone: it is one of ours"
        assert not outcome.complete
        assert outcome.not_done == [target]


def test_it_sends_nothing_stronger_than_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "ENDS_WITHIN_S", 0.3)
    with started(STUBBORN, "stubborn") as child:
        target = {"pid": child.pid, "began": running.began(child.pid), "program": "stubborn"}
        outcome = StopSpinningProcesses().apply(Host(may_stop=("stubborn",)), plan_of(target))
        assert child.poll() is None
    assert not outcome.complete
    assert outcome.says == (
        "0 of 1 ended. The first of the others still runs. What does not end when it is asked may be at something: "
        "look, before you use kill -KILL."
    )


def test_it_stops_only_programs_that_are_named() -> None:
    foreign = pytest.raises(Refused, match=r"test-spins .* is none that may be stopped from here")
    with started(SPINS, "test-spins"), foreign as refused:
        StopSpinningProcesses().plan(Host(programs=("test-spins",)), HALF_A_CORE)
    assert 'may_stop = ["test-spins"]' in refused.value.remedy
    with pytest.raises(Refused, match="another program by now"):
        StopSpinningProcesses().apply(Host(), plan_of({"pid": 1, "began": 1, "program": "test-spins"}))


def test_it_says_that_it_cannot_look_into_a_machine_from_outside() -> None:
    metrics: Machine = HostMetrics(url="https://127.0.0.1:1/metrics", password=SecretStr("x"))
    for asked in (check_growing_processes, check_spinning_processes):
        with pytest.raises(Refused, match="cannot be looked into"):
            asked.fn(metrics)


def plan_of(target: dict[str, object]) -> Plan:
    return Plan(
        does="",
        commands=(Command(line=f"kill -TERM {target['pid']}", target=target),),  # type: ignore[arg-type]
        blast_radius=BlastRadius(touched=1, total=1, noun="spinning processes"),
        risk=Risk.HIGH,
        loses="",
    )


def service(folder: Path, pid: int) -> ApplicationService:  # noqa: F811
    return ApplicationService(**commands(folder), pid=("echo", str(pid)))


def test_it_restarts_the_service_whose_process_leaks(folder: Path) -> None:  # noqa: F811
    action = RestartLeakingApplication()
    with started(LEAKS, "test-leaks") as child:
        time.sleep(0.5)
        plan = action.plan(Told(), service(folder, child.pid), SOON)
        assert plan.does.startswith(f"Restart the application: test-leaks (pid {child.pid}")
        assert plan.evidence[0]["open_connections"] == 0
        # Its parent is asked for all that it began: the tests themselves.
        assert action.plan(Told(), service(folder, os.getpid()), SOON).commands
        outcome = action.apply(Told(), service(folder, child.pid), plan)
    assert outcome.complete


def test_it_restarts_no_service_that_is_not_the_one_that_leaks(folder: Path) -> None:  # noqa: F811
    with started(STUBBORN, "test-rests") as child:
        plan = RestartLeakingApplication().plan(Told(), service(folder, child.pid))
    assert not plan.commands
    assert plan.does == actions.NONE_GROWS


def test_it_restarts_the_service_whose_process_spins(folder: Path) -> None:  # noqa: F811
    action = RestartSpinningApplication()
    with started(SPINS, "test-spins") as child, started(STUBBORN, "test-rests") as neighbour:
        plan = action.plan(Host(), service(folder, child.pid), HALF_A_CORE)
        assert plan.does.startswith(f"Restart the application: test-spins (pid {child.pid}")
        assert action.plan(Host(), service(folder, neighbour.pid), HALF_A_CORE).does == actions.NONE_SPINS


def test_it_restarts_nothing_of_which_it_does_not_know_the_processes(folder: Path) -> None:  # noqa: F811
    with pytest.raises(Refused, match="Which processes are of this application_service is not known"):
        RestartLeakingApplication().plan(Host(), ApplicationService(**commands(folder)))
    with pytest.raises(CannotLook, match="tells no process"):
        RestartLeakingApplication().plan(Host(), service(folder, 0))
