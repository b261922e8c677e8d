"""Every error is counted once, whatever becomes of its file between two looks: renamed, copied, packed, emptied."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.logs.checks import check_log_errors
from tasks.logs.generations import Generation, before
from tasks.model import Verdict
from tests.conftest import needs
from tests.tasks.logs.writing import Service, Turn, copied_away, error, packed, pino, renamed


@pytest.fixture
def api(tmp_path: Path) -> Service:
    return Service(tmp_path / "app.log", check_log_errors)


def turned_and_packed(path: Path) -> Path:
    return packed(renamed(path))


def copied_and_packed(path: Path) -> Path:
    return packed(copied_away(path))


def dated(path: Path) -> Path:
    return renamed(path, "-20261129")


TURNS: tuple[Turn, ...] = (renamed, copied_away, turned_and_packed, copied_and_packed, dated)


def test_it_counts_what_is_new(api: Service) -> None:
    api.write(*[error()] * 3, pino(30, "errors: 0"))
    assert api.new() == 3
    assert api.new() == 0
    api.write(error())
    assert api.new() == 1


@pytest.mark.parametrize("turn", TURNS)
def test_it_counts_once_across_a_rotation(api: Service, turn: Turn) -> None:
    api.write(*[error()] * 3)
    assert api.new() == 3
    api.write(*[error("late")] * 2)
    turn(api.path)
    api.write(*[error("new")] * 5)
    assert api.new() == 7
    assert api.last is not None
    assert api.last.verdict is not Verdict.UNKNOWN
    assert "Not seen" not in api.last.says
    assert api.new() == 0


@pytest.mark.parametrize("turn", TURNS)
def test_it_counts_once_across_a_rotation_of_what_it_had_read_whole(api: Service, turn: Turn) -> None:
    api.write(*[error()] * 3)
    assert api.new() == 3
    turn(api.path)
    assert api.new() == 0
    api.write(error("new"))
    assert api.new() == 1


def test_it_reads_those_between_when_it_was_rotated_twice(api: Service) -> None:
    api.write(error())
    assert api.new() == 1
    api.write(error("first"))
    os.utime(renamed(api.path), (time.time() - 20, time.time() - 20))
    api.write(*[error("second")] * 2)
    api.path.with_name("app.log.1").rename(api.path.with_name("app.log.2"))
    os.utime(renamed(api.path), (time.time() - 10, time.time() - 10))
    api.write(*[error("third")] * 4)
    assert api.new() == 7


def test_of_two_packed_ones_it_goes_on_in_the_one_it_had_read(api: Service) -> None:
    api.write(error())
    assert api.new() == 1
    api.write(error("first"))
    gz = packed(renamed(api.path, ".2"))
    os.utime(gz, (time.time() - 20, time.time() - 20))
    api.write(*[error("second")] * 2)
    packed(renamed(api.path))
    api.write(*[error("third")] * 4)
    assert api.new() == 7


def test_it_looks_again_when_the_file_is_being_turned(api: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    api.write(error())
    assert api.new() == 1
    api.write(error("late"))
    renamed(api.path)
    looks = []

    def half_turned(path: Path, now: Generation | None) -> tuple[Generation, ...]:
        looks.append(path)
        return before(path, now) if len(looks) > 1 else ()

    monkeypatch.setattr("tasks.logs.news.before", half_turned)
    assert api.new() == 1


def test_it_says_when_what_came_before_is_nowhere(api: Service) -> None:
    api.write(*[error()] * 3)
    assert api.new() == 3
    os.truncate(api.path, 0)
    api.write(error("after"))
    assert api.new() == 1
    assert api.last is not None
    assert api.last.verdict is Verdict.WARN
    assert "Not seen: api: what was written in the last 0 minutes before the file was replaced" in api.last.says
    assert api.ask().verdict is Verdict.OK


def test_an_emptied_file_that_grew_beyond_the_old_place_is_read_from_its_beginning(api: Service) -> None:
    """By its size alone one would read on in the middle."""
    api.write(error("old"))
    assert api.new() == 1
    os.truncate(api.path, 0)
    api.write(*[error("new")] * 20)
    assert api.new() == 20


def test_a_file_that_begins_alike_is_told_apart_by_what_was_read_last(api: Service) -> None:
    banner = "service starting " + "=" * 300
    api.write(banner, error("old"))
    assert api.new() == 1
    os.truncate(api.path, 0)
    api.write(banner, *[error("new", time.time() + n) for n in range(20)])
    assert api.new() == 20


def test_a_line_that_is_being_written_comes_whole(api: Service) -> None:
    line = error("slowly")
    api.write(line[:30], end="")
    assert api.new() == 0
    api.write(line[30:])
    assert api.new() == 1


def test_it_follows_a_service_that_was_not_told_of_the_rotation(api: Service) -> None:
    """4-32: without postrotate it goes on writing into app.log.1, and app.log does not exist."""
    with api.path.open("a") as service:
        service.write(error() + "\n")
        service.flush()
        assert api.new() == 1
        api.path.rename(api.path.with_name("app.log.1"))
        service.write(error() + "\n")
        service.flush()
        assert api.new() == 1
        os.utime(api.path.with_name("app.log.1"), (time.time() + 5, time.time() + 5))
        api.path.touch()
        service.write(error() + "\n" + error() + "\n")
        service.flush()
        os.utime(api.path, (time.time() - 100, time.time() - 100))
        assert api.new() == 2
    api.write(error("reopened at last"))
    assert api.new() == 1


def test_it_reads_the_newest_of_dated_files(tmp_path: Path) -> None:
    api = Service(tmp_path / "app-*.log", check_log_errors)
    day = Service(tmp_path / "app-2026-11-28.log", check_log_errors)
    day.write(error())
    os.utime(day.path, (time.time() - 10, time.time() - 10))
    assert api.new() == 1
    day.write(error("before midnight"))
    os.utime(day.path, (time.time() - 5, time.time() - 5))
    Service(tmp_path / "app-2026-11-29.log", check_log_errors).write(*[error("after")] * 2)
    assert api.new() == 3


def test_it_takes_no_other_file_for_an_older_one(api: Service) -> None:
    api.write(error())
    assert api.new() == 1
    for name in ("app.log.lock", "app.log.err", "app.logs", "app-other.log"):
        api.path.with_name(name).write_text(error() + "\n")
    renamed(api.path)
    assert api.new() == 0


def test_a_packed_one_that_is_not_whole_hides_nothing(api: Service) -> None:
    api.write(*[error(f"number {n}") for n in range(2000)])
    assert api.new() == 2000
    api.write(error())
    gz = packed(renamed(api.path))
    gz.write_bytes(gz.read_bytes()[:-200])
    api.write(error("new"))
    found = api.ask()
    assert found.verdict >= Verdict.WARN
    assert "Not seen: api" in found.says


def test_while_it_is_being_packed_the_plain_one_is_read(api: Service) -> None:
    api.write(*[error(f"number {n}") for n in range(2000)])
    assert api.new() == 2000
    api.write(error())
    plain = renamed(api.path)
    half = shutil.copy2(plain, tmp := plain.with_name("app.log.tmp"))
    gz = packed(Path(half))
    gz.write_bytes(gz.read_bytes()[:-200])
    gz.rename(plain.with_name("app.log.1.gz"))
    assert not tmp.exists()
    api.write(error("new"))
    assert api.new() == 2
    assert api.last is not None
    assert "Not seen" not in api.last.says


def test_while_it_grows_nothing_is_counted_twice_or_never(api: Service) -> None:
    api.write(error())
    total, over = api.new(), threading.Event()

    def writes() -> None:
        for n in range(3000):
            api.write(error(str(n)))
            if n % 700 == 699:
                renamed(api.path, f".{n}")
        over.set()

    thread = threading.Thread(target=writes)
    thread.start()
    while not over.wait(0.02):
        total += api.new()
    thread.join()
    assert total + api.new() == 3001


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["write", "look", *TURNS]), max_size=12))
def test_whatever_happens_in_whatever_order_each_error_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, happens: list[str | Turn]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    api = Service(folder / "app.log", check_log_errors)
    api.write(error("first"))
    written, seen, turned = 1, api.new(), 0
    for what in happens:
        if what == "write":
            written += 1
            api.write(error(f"number {written}"))
        elif what == "look":
            seen += api.new()
        elif callable(what) and api.path.stat().st_size:
            seen += api.new()  # twice between two looks has a test of its own
            turned += 1
            written += 1
            api.write(error(f"number {written}"))
            made = what(api.path)
            made.rename(made.with_name(made.name.replace("app.log", f"app.log.{turned}").replace(".1.1", ".1")))
    assert seen + api.new() == written
    shutil.rmtree(folder)


def test_logrotate_itself_is_followed(api: Service, tmp_path: Path) -> None:
    logrotate = needs(shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin") or "logrotate")
    api.write(error())
    assert api.new() == 1
    for how in ("create", "copytruncate", "compress", "copytruncate\ncompress\ndelaycompress"):
        conf = tmp_path / "logrotate.conf"
        conf.write_text(f"{api.path} {{\nrotate 5\n{how}\n}}\n")
        conf.chmod(0o644)
        api.write(error(f"before {how!r}"))
        subprocess.run([logrotate, "-f", "-s", str(tmp_path / "state"), str(conf)], check=True, capture_output=True)
        api.write(*[error(f"after {how!r}")] * 2)
        assert api.new() == 3, how


def test_the_first_look_reaches_into_what_was_turned_away_and_packed_within_the_hour(api: Service) -> None:
    now_s = time.time()
    old = [error(f"old {n}", now_s - 7000 + n) for n in range(5)]
    api.write(*old, *[error(f"a {n}", now_s - 3000 + n) for n in range(7)])
    renamed(api.path)
    turned = api.path.with_name(f"{api.path.name}.1")
    turned.with_name(f"{turned.name}.gz").write_bytes(gzip.compress(turned.read_bytes()))
    api.write(*[error(f"b {n}", now_s - 60 + n) for n in range(3)])
    # Both are there while it is being packed, and count once.
    assert api.new() == 10
    turned.unlink()
    api.last = None
    assert api.new() == 10


def test_the_first_look_at_a_file_that_is_older_than_the_hour_opens_no_other(api: Service) -> None:
    now_s = time.time()
    api.write(*[error(f"a {n}", now_s - 100 + n) for n in range(7)])
    renamed(api.path)
    api.write(error("long ago", now_s - 9000), error("now", now_s - 1))
    assert api.new() == 1
