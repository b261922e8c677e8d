"""What fills a disk: the same numbers as du, and what du does not see."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.amounts import size
from tasks.host.filling import walk
from tasks.host.filling.actions import RotateLogs
from tasks.host.filling.checks import STILL_OPEN, check_deleted_files, check_what_fills_disks
from tasks.host.filling.deleted import deleted_files
from tasks.host.filling.walk import filled
from tasks.host.machine import Disk
from tasks.host.system import Host
from tasks.model import Refused, Threshold, Verdict

MIB = 2**20


class Full(Host):
    """A machine whose disk is as full as a test says."""

    free: float = 0.05

    def file_systems(self) -> tuple[Disk, ...]:
        disk = super().file_systems()[0]
        whole = disk.used + disk.available
        return (replace(disk, used=whole * (1 - self.free), available=whole * self.free),)


def lay(file: Path, mib: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(os.urandom(mib * MIB))
    return file


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    lay(tmp_path / "var/log/app/app.log.1", 12)
    lay(tmp_path / "var/log/app/app.log", 2)
    lay(tmp_path / "srv/uploads/a/b/c/d/large.bin", 6)
    lay(tmp_path / "etc/small", 1)
    return tmp_path


def test_it_counts_as_du_does(disk: Path) -> None:
    (disk / "var/log/again").hardlink_to(disk / "var/log/app/app.log.1")
    with (disk / "sparse").open("wb") as sparse:
        sparse.truncate(500 * MIB)
    (disk / "loop").symlink_to(disk)
    du = subprocess.run(["du", "-s", "--block-size=1", str(disk)], capture_output=True, text=True, check=True)
    assert filled(disk).bytes == pytest.approx(int(du.stdout.split()[0]), abs=64 * 1024)


def test_it_names_the_folder_and_the_file_that_take_most(disk: Path) -> None:
    found = check_what_fills_disks.fn(Full(disks=(disk,)))
    assert found.verdict is Verdict.WARN
    assert f"most lies in {disk}/var/log/app (14.0 MiB)" in found.says
    assert f"the largest file is {disk}/var/log/app/app.log.1 (12.0 MiB)" in found.says
    folders = [row["path"] for row in found.rows if row["what"] == "folder"]
    # The way to a folder that holds nearly all of it is not told step by step.
    assert folders[:2] == [f"{disk}/var/log/app", f"{disk}/srv/uploads/a"]


def test_it_does_not_walk_where_no_disk_is_short(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.host.filling.checks.filled", lambda _root: pytest.fail("It walked."))
    found = check_what_fills_disks.fn(Full(disks=(disk,), free=0.5))
    assert found.verdict is Verdict.OK


def test_it_stops_in_time_and_says_that_there_is_more(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "WITHIN_S", -1.0)
    monkeypatch.setattr("tasks.host.filling.checks.filled", lambda root: filled(root, -1.0))
    found = check_what_fills_disks.fn(Full(disks=(disk,)))
    assert "It was not looked through in 8 s; there is more." in found.says
    assert found.facts["complete"] is False


def test_it_shows_hostile_names_on_one_line(disk: Path) -> None:
    lay(disk / "a\n\x1b[2Jb", 20)
    found = check_what_fills_disks.fn(Full(disks=(disk,)))
    assert "\n" not in found.says
    assert "\x1b" not in str(found)


def test_it_names_the_folder_that_is_not_there() -> None:
    with pytest.raises(Refused, match="there is no such folder"):
        check_what_fills_disks.fn(Host(disks=(Path("/no/such/place"),)))


@pytest.fixture
def log() -> Iterator[Path]:
    """On a disk: what lies in memory is another matter, and pytest's own folders may lie there."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder) / "removed.log"


@pytest.fixture
def holder(log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that goes on writing into a log that somebody has removed."""
    code = (
        "import os, sys, time\nfile = open(sys.argv[1], 'wb')\nfile.write(os.urandom(5 << 20))\nfile.flush()\n"
        "os.unlink(sys.argv[1])\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(log)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    yield child
    child.kill()
    child.communicate()


def test_it_finds_a_deleted_file_that_is_still_open(holder: subprocess.Popen[str], log: Path) -> None:
    (mine,) = [one for one in deleted_files().files if one.pid == holder.pid]
    assert mine.path == str(log)
    assert mine.bytes == pytest.approx(5 * MIB, rel=0.01)

    small = Threshold(warn=MIB, bad=4 * MIB, because="A test's file is small.")
    found = check_deleted_files.fn(Host(), still_open=small)
    assert found.verdict is Verdict.BAD
    assert any(row["pid"] == holder.pid for row in found.rows)


def test_it_takes_a_file_that_is_only_called_so_for_no_deleted_one(tmp_path: Path) -> None:
    with lay(tmp_path / "x (deleted)", 1).open("rb"):
        assert not [one for one in deleted_files().files if one.path.startswith(str(tmp_path))]
    assert "Owner:" in STILL_OPEN.because


def rotating(disk: Path, free: float, *command: str) -> Full:
    return Full(disks=(disk,), free=free, rotate_logs=command or (sys.executable, "-c", "print('rotated')"))


def test_it_rotates_the_logs_by_the_command_that_was_approved(disk: Path) -> None:
    gzip = rotating(disk, 0.05, "gzip", "--fast", str(disk / "var/log/app/app.log.1"))
    plan = RotateLogs().plan(gzip)
    assert [command.line for command in plan.commands] == [f"gzip --fast {disk}/var/log/app/app.log.1"]
    assert plan.does == f"Rotate the logs. {disk} has {size(gzip.file_systems()[0].available)} left, 5%."
    with pytest.raises(Refused, match="another command by now"):
        RotateLogs().apply(rotating(disk, 0.05), plan)
    assert RotateLogs().apply(gzip, plan).complete
    assert (disk / "var/log/app/app.log.1.gz").exists()
    assert RotateLogs().applied(gzip, plan) is None


def test_it_rotates_nothing_where_there_is_room_or_no_command(disk: Path) -> None:
    assert RotateLogs().plan(rotating(disk, 0.5)).commands == ()
    with pytest.raises(Refused, match="No command is configured that rotates the logs"):
        RotateLogs().plan(Full(disks=(disk,)))


def test_it_says_what_the_rotation_said_when_it_failed(disk: Path) -> None:
    failing = rotating(disk, 0.05, sys.executable, "-c", "import sys; print('error: stat of x failed'); sys.exit(2)")
    with pytest.raises(Refused, match=r"exit code 2[\s\S]*error: stat of x failed"):
        RotateLogs().apply(failing, RotateLogs().plan(failing))
