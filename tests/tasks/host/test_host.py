"""The machine we run on: the same numbers as the operating system's own tools, and a container's own limits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.host.checks import (
    CPU_BUSY,
    DISK_AVAILABLE,
    MEMORY_AVAILABLE,
    check_host_cpu,
    check_host_disks,
    check_host_load,
    check_host_memory,
)
from tasks.host.machine import Disk
from tasks.host.system import Host
from tasks.model import Earlier, Finding, Refused, Threshold, Verdict
from tasks.toml import InvalidConfig

HOUR_S = 3600.0
GIB = 2**30


def earlier(found: Finding) -> Earlier:
    return Earlier(at_s=0, value=0, facts=found.facts)


def group(folder: Path, *, memory: str = "max", used: int = 0, inactive: int = 0, cpu: str = "max 100000") -> Host:
    """A machine in a control group, in the files' real form (Linux, Documentation/admin-guide/cgroup-v2.rst)."""
    files = {
        "memory.max": f"{memory}\n",
        "memory.current": f"{used}\n",
        "memory.stat": f"anon 4096\nfile {inactive}\ninactive_file {inactive}\nslab_reclaimable 0\n",
        "cpu.max": f"{cpu}\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    spent(folder, 1_000_000)
    return Host(cgroup=folder)


def spent(folder: Path, usage_us: int, throttled_us: int = 0) -> None:
    (folder / "cpu.stat").write_text(
        f"usage_usec {usage_us}\nuser_usec 0\nsystem_usec 0\n"
        f"nr_periods 9\nnr_throttled 3\nthrottled_usec {throttled_us}\n",
        encoding="ascii",
    )


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (CPU_BUSY, 0.79, Verdict.OK),
        (CPU_BUSY, 0.8, Verdict.WARN),
        (CPU_BUSY, 0.95, Verdict.BAD),
        (MEMORY_AVAILABLE, 0.16, Verdict.OK),
        (MEMORY_AVAILABLE, 0.15, Verdict.WARN),
        (MEMORY_AVAILABLE, 0.05, Verdict.BAD),
        (DISK_AVAILABLE, 0.21, Verdict.OK),
        (DISK_AVAILABLE, 0.2, Verdict.WARN),
        (DISK_AVAILABLE, 0.1, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because


def test_it_sees_a_processor_at_work() -> None:
    burner = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burner) for _ in range(os.cpu_count() or 1)]
    try:
        found = check_host_cpu.fn(Host())
    finally:
        for process in burners:
            process.kill()
            process.wait()

    assert found.value is not None
    assert found.value >= 0.9
    # A second is a moment.
    assert found.verdict is Verdict.WARN


def test_it_is_bad_only_after_minutes() -> None:
    found = check_host_cpu.fn(Host())
    busy = {
        **found.facts,
        "idle_s": float(str(found.facts["idle_s"])),
        "total_s": float(str(found.facts["total_s"])) - 800,
    }
    long_ago = {**busy, "at_s": time.time() - 400}
    a_moment_ago = {**busy, "at_s": time.time() - 200}

    assert check_host_cpu.fn(Host(), earlier=Earlier(at_s=0, value=0, facts=long_ago)).verdict is Verdict.BAD
    assert check_host_cpu.fn(Host(), earlier=Earlier(at_s=0, value=0, facts=a_moment_ago)).verdict is Verdict.WARN


@pytest.mark.parametrize("facts", [{}, {"counting": "another machine"}, {"total_s": 1e12}, {"at_s": 0.0}])
def test_it_compares_only_with_the_same_machine_that_did_not_restart(facts: dict[str, float | str]) -> None:
    told = {**check_host_cpu.fn(Host()).facts, "idle_s": 0.0, **facts} if facts else {}

    assert check_host_cpu.fn(Host(), earlier=Earlier(at_s=0, value=0, facts=told)).verdict < Verdict.BAD


@pytest.mark.parametrize(
    ("load", "verdict"), [(3.9, Verdict.OK), (4.0, Verdict.WARN), (9.9, Verdict.WARN), (10.0, Verdict.BAD)]
)
def test_it_judges_the_load_by_the_cores(monkeypatch: pytest.MonkeyPatch, load: float, verdict: Verdict) -> None:
    monkeypatch.setattr("psutil.getloadavg", lambda: (99.0, load, 99.0))
    monkeypatch.setattr("psutil.cpu_count", lambda: 2)

    found = check_host_load.fn(Host(cgroup=Path("/nowhere")))

    assert found.verdict is verdict
    assert found.says.startswith(f"{Host().address} has a load of {load:.1f} on 2 cores, ")


def test_it_judges_no_container_by_the_whole_machines_load(tmp_path: Path) -> None:
    assert check_host_load.fn(group(tmp_path, cpu="50000 100000")).verdict is Verdict.OK


def test_it_counts_memory_as_the_kernel_does() -> None:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kernel = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}

    memory = Host(cgroup=Path("/nowhere")).memory()

    assert memory.total == kernel["MemTotal"]
    assert memory.available == pytest.approx(kernel["MemAvailable"], rel=0.1)


def test_it_takes_a_containers_limit_for_all_there_is(tmp_path: Path) -> None:
    host = group(tmp_path, memory=str(GIB), used=GIB - 30 * 2**20, inactive=10 * 2**20)

    found = check_host_memory.fn(host)

    # 30 MiB free and 10 MiB given back on demand, of 1,024.
    assert found.value == pytest.approx(40 / 1024)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"{host.address} has 40.0 MiB of 1.0 GiB left, 4% of the limit of its container or service (bad below 5%)."
    )


@pytest.mark.parametrize("memory", ["max", str(2**62)])
def test_it_asks_the_machine_where_the_container_has_no_limit(tmp_path: Path, memory: str) -> None:
    assert not group(tmp_path, memory=memory).memory().limited


def test_it_measures_a_container_by_what_it_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = group(tmp_path, cpu="50000 100000")
    first = check_host_cpu.fn(host)
    # Half a core for a minute is 30 s; it used 27 of them, and wanted more.
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 60)
    spent(tmp_path, 28_000_000, throttled_us=5_000_000)
    facts = {**first.facts, "total_s": began * 0.5, "idle_s": began * 0.5 - 1.0, "at_s": time.time() - 60}

    found = check_host_cpu.fn(host, earlier=Earlier(at_s=0, value=0, facts=facts))

    assert found.value == pytest.approx(27 / 30)
    assert found.says == (
        f"The processor of {host.address} (0.5 cores) was 90% busy for 60 s (bad from 95%); "
        "refused 5 s by its own limit."
    )


def test_it_counts_disks_as_df_does(tmp_path: Path) -> None:
    df = subprocess.run(
        ["df", "--block-size=1", "--output=avail,iavail", str(tmp_path)], capture_output=True, text=True, check=True
    )
    available, files = map(int, df.stdout.splitlines()[1].split())

    disk = Host(disks=(tmp_path,)).file_systems()[0]

    assert disk.available == pytest.approx(available, rel=0.05)
    assert disk.files_free == pytest.approx(files, rel=0.05)


class Filling(Host):
    """A machine whose disk is as full as a test says."""

    told: tuple[Disk, ...] = ()

    def file_systems(self) -> tuple[Disk, ...]:
        return self.told


def filled(at_s: float, used: float, total: float = 1000 * GIB, **more: float) -> Filling:
    return Filling(told=(Disk(path="/data", at_s=at_s, used=used * GIB, available=total - used * GIB, **more),))


def test_it_tells_when_a_filling_disk_is_full() -> None:
    found = None
    for minute in range(0, 31, 5):
        host = filled(60.0 * minute, used=100 + 10 * minute)
        found = check_host_disks.fn(host, earlier=earlier(found) if found else None)

    # 400 of 1000 GiB used, ten more each minute: an hour.
    assert found is not None
    assert found.verdict is Verdict.BAD
    assert found.says.endswith("/data has 600 GiB left, 60% (bad below 10%); full in 60 minutes at this pace.")


def test_it_takes_one_large_file_for_no_trend() -> None:
    found = None
    for minute, used in enumerate([100, 100, 100, 700, 700, 700, 700]):
        found = check_host_disks.fn(filled(300.0 * minute, used=used), earlier=earlier(found) if found else None)

    assert found is not None
    assert found.verdict is Verdict.OK


def test_it_sees_that_files_run_out_before_bytes() -> None:
    found = check_host_disks.fn(filled(0, used=100, files=1000.0, files_free=40.0))

    assert found.verdict is Verdict.BAD
    assert ", and 4% of its files (bad below 10%)" in found.says


def test_it_names_the_folder_that_is_not_there() -> None:
    with pytest.raises(Refused, match=r"^/no/such/place: there is no such folder on this machine\.$"):
        check_host_disks.fn(Host(disks=(Path("/no/such/place"),)))


def test_it_is_asked_only_where_it_is_configured(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        check_host_cpu.ask(Environment(name="production", kind=Kind.PRODUCTION))

    assert str(refused.value) == "production has no host configured."
    lines = refused.value.remedy.partition("\n\n")[2]
    file = tmp_path / "environments.toml"
    file.write_text(f'[environments.production]\nkind = "production"\n{lines}\n', encoding="utf-8")
    assert isinstance(Config.load(file).environment("production").systems["host"], Host)


def test_it_offers_the_providers_endpoint_in_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "a-secret-key")
    with pytest.raises(Refused) as refused:
        check_host_cpu.ask(Environment(name="production", kind=Kind.PRODUCTION))
    lines = refused.value.remedy.partition("\n\n")[2].splitlines()
    other = [lines[0], *(line.removeprefix("# ") for line in lines if line.startswith(("# type", "# url", "# pass")))]
    file = tmp_path / "environments.toml"
    file.write_text('[environments.production]\nkind = "production"\n' + "\n".join(other), encoding="utf-8")

    assert Config.load(file).environment("production").systems["host"].kind == "host-metrics"


def test_it_refuses_a_disk_less_machine(tmp_path: Path) -> None:
    file = tmp_path / "environments.toml"
    file.write_text('[environments.lab]\nkind = "lab"\n[environments.lab.systems.host]\ndisks = []\n', encoding="utf-8")
    with pytest.raises(InvalidConfig, match="disks"):
        Config.load(file).environment("lab")


def test_it_tells_the_doctor_what_it_sees() -> None:
    assert [found.verdict for found in Host().examine()] == [Verdict.OK]
    assert [found.verdict for found in Host(disks=(Path("/no/such/place"),)).examine()] == [Verdict.BAD]
