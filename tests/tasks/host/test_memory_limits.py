"""Whom the kernel ended for memory, and which service is near its limit: in the files' and the log's real form."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.host.memory_limits import killed
from tasks.host.memory_limits.checks import check_killed_for_memory, check_memory_limits
from tasks.host.system import Host
from tasks.model import CannotLook, Earlier, Finding, Verdict

GIB = 1000 * 2**20
# As Linux 6 writes them (mm/oom_kill.c), and a line beside them that speaks of memory, too.
WHOLE = (
    "3,812,{us},-;Out of memory: Killed process 4711 (node) total-vm:9437184kB, anon-rss:2097152kB, file-rss:0kB, "
    "shmem-rss:0kB, UID:1000 pgtables:5000kB oom_score_adj:0\n"
)
LIMIT = (
    "3,900,{us},-;Memory cgroup out of memory: Killed process 813 (worker) total-vm:52428kB, anon-rss:32154kB, "
    "file-rss:896kB, shmem-rss:0kB, UID:0 pgtables:112kB oom_score_adj:0\n"
)
OTHER = "6,813,{us},-;oom_reaper: reaped process 4711 (node), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB\n"
Machine = Callable[..., Host]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose kernel counts so many, and whose log holds these records, written so many seconds ago."""

    def told(counted: int | None = 0, *records: str, ago_s: float = 60, readable: bool = True) -> Host:
        vmstat = tmp_path / "vmstat"
        vmstat.write_text("nr_free_pages 1\n" + (f"oom_kill {counted}\n" if counted is not None else ""))
        monkeypatch.setattr(killed, "VMSTAT", vmstat)
        us = int((time.monotonic() - ago_s) * 1_000_000)
        monkeypatch.setattr(killed, "LOG", tmp_path / "kmsg" if readable else tmp_path / "no-such-file")
        (tmp_path / "kmsg").touch()
        monkeypatch.setattr(killed, "_records", lambda _source: iter([one.format(us=us) for one in records]))
        return Host(cgroup=tmp_path / "nowhere")

    return told


def again(found: Finding, ago_s: float = 300) -> Earlier:
    return Earlier(at_s=time.time() - ago_s, value=found.value or 0.0, facts=found.facts)


def test_it_names_whom_the_kernel_ended(machine: Machine) -> None:
    host = machine(1, OTHER, WHOLE, OTHER)
    found = check_killed_for_memory.fn(host)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"{host.address}: the kernel ended 1 for memory within the last 60 minutes (1 since it started), node (pid "
        "4711, 2.0 GiB) last, as the machine had none left."
    )


def test_it_tells_the_limit_of_a_container_from_the_machines_memory(machine: Machine) -> None:
    found = check_killed_for_memory.fn(machine(1, LIMIT))
    assert found.says.endswith("worker (pid 813, 31.4 MiB) last, at the limit of its service or container.")
    assert found.rows[0]["by_its_own_limit"] is True


def test_it_is_over_at_the_next_look(machine: Machine) -> None:
    first = check_killed_for_memory.fn(machine(1, WHOLE, ago_s=600))
    assert first.verdict is Verdict.BAD
    second = check_killed_for_memory.fn(machine(1, WHOLE, ago_s=600), earlier=again(first))
    assert second.verdict is Verdict.OK
    third = check_killed_for_memory.fn(machine(2, WHOLE, ago_s=10), earlier=again(second))
    assert third.verdict is Verdict.BAD


def test_it_counts_where_the_log_may_not_be_read_and_says_so(machine: Machine) -> None:
    first = check_killed_for_memory.fn(machine(1, readable=False))
    assert first.verdict is Verdict.OK
    second = check_killed_for_memory.fn(machine(3, readable=False), earlier=again(first))
    assert second.verdict is Verdict.BAD
    assert "the kernel ended 2 for memory within the last 5 minutes (3 since it started); its log, which would " in (
        second.says
    )
    assert second.says.endswith("may not be read.")


def test_it_takes_a_count_that_began_anew_for_no_kill(machine: Machine) -> None:
    first = check_killed_for_memory.fn(machine(7))
    assert check_killed_for_memory.fn(machine(0), earlier=again(first)).verdict is Verdict.OK


def test_it_does_not_know_where_nothing_tells(machine: Machine) -> None:
    assert check_killed_for_memory.fn(machine(None, readable=False)).verdict is Verdict.UNKNOWN


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="The kernel's log may not be read here.")
def test_it_reads_the_real_log_to_its_end() -> None:
    began = time.monotonic()
    try:
        assert killed.logged() is not None
    except PermissionError:
        pytest.skip("The kernel's log may not be read here.")
    assert time.monotonic() - began < 5


def group(folder: Path, limit: str, used: int, inactive: int = 0, killed_: int = 0) -> None:
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"inactive_file {inactive}\nslab_reclaimable 0\n")
    (folder / "memory.events").write_text(f"low 0\nhigh 0\nmax 9\noom {killed_}\noom_kill {killed_}\n")
    (folder / "cpu.stat").write_text("usage_usec 1\n")


@pytest.mark.parametrize(
    ("used", "inactive", "verdict"),
    [(79, 0, Verdict.OK), (80, 0, Verdict.WARN), (89, 0, Verdict.WARN), (90, 0, Verdict.BAD), (95, 30, Verdict.OK)],
)
def test_it_judges_a_service_by_its_own_limit(tmp_path: Path, used: int, inactive: int, verdict: Verdict) -> None:
    (tmp_path / "cgroup.controllers").touch()
    group(tmp_path / "system.slice" / "web.service", str(GIB), used * GIB // 100, inactive * GIB // 100, killed_=2)
    group(tmp_path / "system.slice" / "free.service", "max", 99 * GIB)
    found = check_memory_limits.fn(Host(cgroup=tmp_path))
    assert found.verdict is verdict
    assert found.says.startswith("web.service has ")
    assert "; 2 of its processes were ended for memory since it started." in found.says
    assert len(found.rows) == 1


def test_it_says_where_no_limits_can_be_told(tmp_path: Path) -> None:
    with pytest.raises(CannotLook, match="holds no control groups of version 2"):
        check_memory_limits.fn(Host(cgroup=tmp_path))
    (tmp_path / "cgroup.controllers").touch()
    assert check_memory_limits.fn(Host(cgroup=tmp_path)).verdict is Verdict.OK
