"""What is asked about logs: judged over minutes, told in a sentence, and harmed by nothing that stands in a line."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.logs.checks import (
    check_log_durations,
    check_log_errors,
    check_log_logins,
    check_log_mail,
    check_log_written,
)
from tasks.logs.system import LogFile, Logs
from tasks.model import Finding, Threshold, Verdict
from tests.tasks.logs.writing import Service, error, iso, pino, renamed

MIB = 2**20


def service(tmp_path: Path, asked: Any = check_log_errors, **settings: Any) -> Service:
    return Service(tmp_path / "app.log", asked, settings=settings)


def watched(tmp_path: Path, asked: Any = check_log_errors, **settings: Any) -> Service:
    """One that has been looked at before, so that all that follows is new."""
    one = service(tmp_path, asked, **settings)
    one.write(pino(30, "started"))
    one.ask()
    return one


@pytest.mark.parametrize(("errors", "verdict"), [(0, 0), (4, 0), (5, 1), (49, 1), (50, 3)])
def test_it_judges_errors_a_minute_over_five_minutes(tmp_path: Path, errors: int, verdict: int) -> None:
    api = watched(tmp_path)
    api.write(*[error(f"refused {n}") for n in range(errors)], *[pino(30, "fine")] * 100)
    assert api.ask().verdict == verdict


def test_it_says_what_an_engineer_would_say(tmp_path: Path) -> None:
    api = watched(tmp_path)
    api.write(*[error(f"order {n}: refused by 192.0.2.{n}:5432") for n in range(48)], error("disk full"), error("x"))
    found = api.ask()
    assert found.says == (
        "api wrote 50 errors in 1 s; over 300 s that is 10.0 a minute (bad from 10 a minute); most often: "
        "“order <n>: refused by <address>” (48 times)."
    )
    assert found.rows[0] == {
        "service": "api",
        "times": 48,
        "kind": "order <n>: refused by <address>",
        "sample": "order 0: refused by 192.0.2.0:5432",
    }


def test_a_second_look_right_after_still_tells_what_the_first_saw(tmp_path: Path) -> None:
    """An incident that a burst has opened asks the same question seconds later."""
    api = watched(tmp_path)
    api.write(*[error()] * 60)
    first = api.ask()
    again = api.ask()
    assert first.verdict is again.verdict is Verdict.BAD
    assert again.rows == first.rows


def test_a_quiet_look_before_thins_out_no_burst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds come every five minutes, now and then a little sooner."""
    api = watched(tmp_path)
    start = time.time()
    for passed_s in (400, 690, 980):
        for module in ("recent", "news"):
            monkeypatch.setattr(f"tasks.logs.{module}.time.time", lambda s=passed_s: start + s)
        found = api.ask()
        assert found.verdict is Verdict.OK
    api.write(*[error("now", start + 1270)] * 55)
    for module in ("recent", "news"):
        monkeypatch.setattr(f"tasks.logs.{module}.time.time", lambda: start + 1270)
    assert api.ask().verdict is Verdict.BAD


def test_after_five_minutes_it_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = watched(tmp_path)
    api.write(*[error()] * 60)
    assert api.ask().verdict is Verdict.BAD
    now = time.time()
    for module in ("recent", "news"):
        monkeypatch.setattr(f"tasks.logs.{module}.time.time", lambda: now + 301)
    found = api.ask()
    assert (found.verdict, found.value) == (Verdict.OK, 0)


def test_an_error_and_its_trace_count_once(tmp_path: Path) -> None:
    at = iso()
    api = watched(tmp_path)
    api.write(
        f"{at} ERROR app: payment failed",
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    raise KeyError(1)",
        "KeyError: 'user_17'",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "a.py", line 3, in g',
        "app.errors.PaymentError: card 17 refused",
        f"{at} INFO app: fine",
        f"{at} ERROR [main] com.x.Order - failed",
        "java.lang.IllegalStateException: no order 5",
        "\tat com.x.Order.find(Order.java:10)",
        "Caused by: java.io.IOException: closed",
        "\t... 12 more",
        f"{at} ERROR node",
        "TypeError: Cannot read properties of undefined",
        "    at Object.<anonymous> (/app/a.js:1:1)",
        f"{at} INFO then",
        "panic: runtime error: index out of range [5]",
        "",
        "goroutine 1 [running]:",
        "main.main()",
        "\t/app/main.go:5",
        "exit status 2",
        f"{at} INFO an uncaught one follows",
        "Traceback (most recent call last):",
        '  File "b.py", line 1, in <module>',
        "ZeroDivisionError: division by zero",
    )
    assert api.new() == 5
    assert api.last is not None
    kinds = [str(row["kind"]) for row in api.last.rows]
    assert any("payment failed: app.errors.PaymentError: card <n> refused" in kind for kind in kinds)
    assert "ZeroDivisionError: division by zero" in kinds


def test_a_trace_that_is_written_after_the_look_is_no_second_error(tmp_path: Path) -> None:
    api = watched(tmp_path)
    api.write(f"{iso()} ERROR app: failed")
    assert api.new() == 1
    api.write("Traceback (most recent call last):", '  File "a.py", line 1', "KeyError: 'a'", f"{iso()} INFO on")
    assert api.new() == 0
    api.write("Traceback (most recent call last):", '  File "a.py", line 1', "KeyError: 'a'")
    assert api.new() == 1


def test_the_first_look_reaches_back_an_hour_and_no_further(tmp_path: Path) -> None:
    api = service(tmp_path)
    now = time.time()
    api.write(*[error("old", now - 20_000 + n) for n in range(20_000)], *[error("new", now - 60 + n) for n in range(7)])
    new, later_s = api.new(), time.time() - now
    # The old ones end now: 3,600 of them are of the last hour, and one less with each second until the look.
    assert 7 + 3600 - later_s - 2 <= new <= 7 + 3600 + 2


def test_lines_without_a_time_are_watched_from_now_on(tmp_path: Path) -> None:
    api = service(tmp_path)
    api.write(*["ERROR:root:yesterday or today"] * 500)
    assert api.new() == 0
    api.write("ERROR:root:now")
    assert api.new() == 1


def test_more_than_there_is_room_for_is_said(tmp_path: Path) -> None:
    api = watched(tmp_path, most_bytes=2**16)
    api.write(*[error(f"number {n}") for n in range(3000)])
    found = api.ask()
    assert "Not seen: api: the first " in found.says
    assert 0 < float(str(found.value)) * 5 < 3000
    assert api.new() == 0


def test_it_is_harmed_by_nothing_that_stands_in_a_line(tmp_path: Path) -> None:
    api = watched(tmp_path)
    with api.path.open("ab") as file:
        file.write(b"\x1b]0;owned\x07\x1b[2J\x00 ERROR\n")
        file.write(b'{"level":50,"msg":"\\u001b[31mred\\u0000\\u202e"}\n')
        file.write(b"\xff\xfe\xfd" * 1000 + b"\n")
        file.write(b'{"level":50,"msg":"' + b"x" * (5 * MIB) + b'"}\n')
        file.write(b"\0" * MIB + error("after the hole").encode() + b"\n")
        file.write(b'{"level":50,"msg":' + b"[" * 50_000 + b"\n")
    found = api.ask()
    assert found.verdict is Verdict.OK
    assert all(str(value).isprintable() for row in found.rows for value in row.values())
    assert max(len(str(row["sample"])) for row in found.rows) <= 300
    assert len(found.says) < 500
    total = found.facts["total"]
    assert isinstance(total, dict)
    assert total["api"] >= 3


def test_a_line_without_end_is_not_read_again_and_again(tmp_path: Path) -> None:
    api = watched(tmp_path)
    api.write("x" * MIB, end="")
    api.ask()
    assert api.last is not None
    (place,) = api.last.facts["positions"].values()  # type: ignore[union-attr]
    assert place["offset"] == api.path.stat().st_size  # type: ignore[call-overload, index]


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    api = watched(tmp_path)
    with api.path.open("a") as file:
        for n in range(4000):
            file.write(error(f"something {n} of {'abcdefgh'[n % 8] * (n % 50)} failed") + "\n")
            file.write((pino(30, "x" * 300) + "\n") * 20)
    assert api.path.stat().st_size > 20 * MIB
    gc.collect()
    tracemalloc.start()
    api.ask()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * MIB


@pytest.mark.parametrize(
    ("make", "says", "verdict"),
    [
        (lambda path: None, "does not exist", Verdict.UNKNOWN),
        (lambda path: path.mkdir(), "is no file", Verdict.UNKNOWN),
        (lambda path: os.mkfifo(path), "is no file", Verdict.UNKNOWN),
    ],
)
def test_what_cannot_be_read_is_not_well(tmp_path: Path, make: Any, says: str, verdict: Verdict) -> None:
    api = service(tmp_path)
    make(api.path)
    found = api.ask()
    assert found.verdict is verdict
    assert says in found.says
    assert found.says.startswith("No log was read. Not seen: api: ")


def test_one_that_cannot_be_read_hides_nothing_of_the_others(tmp_path: Path) -> None:
    there = watched(tmp_path)
    files = (*there.logs.files, LogFile(service="gone", path=tmp_path / "gone.log"))
    there.write(*[error()] * 60)
    found = check_log_errors.fn(Logs(files=files))
    assert found.verdict is Verdict.UNKNOWN
    assert "api wrote 60 errors" in found.says
    assert "Not seen: gone: " in found.says


def test_it_counts_failed_logins_by_address(tmp_path: Path) -> None:
    api = watched(tmp_path, check_log_logins)
    api.write(*[pino(40, "Login failed", ip="192.0.2.7")] * 30, *[pino(40, "Login failed", ip="192.0.2.8")] * 2)
    found = api.ask()
    assert found.verdict is Verdict.BAD
    assert "32 logins failed in 1 s, most from 192.0.2.7: 30 (bad from 300 an hour" in found.says
    assert [row["kind"] for row in found.rows] == ["192.0.2.7", "192.0.2.8"]


def test_a_person_who_mistypes_is_no_attack(tmp_path: Path) -> None:
    api = watched(tmp_path, check_log_logins)
    api.write(*[pino(40, "Login failed", ip="192.0.2.7")] * 4)
    assert api.ask().verdict is Verdict.OK
    api.write(*[pino(40, "Login failed", ip=f"192.0.2.{n}") for n in range(250)])
    assert api.ask().verdict is Verdict.BAD  # of all together


def test_it_counts_mail_in_trouble(tmp_path: Path) -> None:
    mail = watched(tmp_path, check_log_mail)
    mail.write(*[pino(30, "sent", event="delivered")] * 100, pino(30, "x", event="bounced"))
    found = mail.ask()
    assert found.verdict is Verdict.WARN
    assert "1 mail in trouble in 1 s (bad from 2 a minute): 1 bounced." in found.says
    mail.write(*[pino(30, "x", event="deferred")] * 12)
    assert mail.ask().verdict is Verdict.BAD


@pytest.mark.parametrize(("slow", "verdict"), [(0, 0), (5, 0), (6, 3)])
def test_it_judges_the_95th_percentile_of_durations(tmp_path: Path, slow: int, verdict: int) -> None:
    api = watched(tmp_path, check_log_durations)
    quick = [pino(30, "request", responseTime=40, req={"url": "/quick?a=1"})] * (100 - slow)
    api.write(*quick, *[pino(30, "request", responseTime=2500, req={"url": "/slow/17?a=1"})] * slow)
    found = api.ask()
    assert found.verdict == verdict
    if slow == 6:
        assert "95% of 100 took api less than 2.49 s, half less than 0.04 s (bad from 2 s)" in found.says
        assert "the slowest: /slow/<n> (2.5 s)" in found.says
        assert found.value == pytest.approx(2.5, rel=0.02)


def test_of_many_durations_a_sample_tells_the_same(tmp_path: Path) -> None:
    api = watched(tmp_path, check_log_durations)
    api.write(*[pino(30, "request", responseTime=n % 1000) for n in range(20_000)])
    found = api.ask()
    assert found.value == pytest.approx(0.95, rel=0.05)
    assert found.facts["services"]["api"]["number"] == pytest.approx(20_000, rel=0.01)  # type: ignore[call-overload, index]


def test_a_handful_of_durations_is_not_judged(tmp_path: Path) -> None:
    api = watched(tmp_path, check_log_durations)
    api.write(*[pino(30, "request", responseTime=9000)] * 19)
    found = api.ask()
    assert found.verdict is Verdict.OK
    assert found.says == "19 durations told: fewer than 20 of any service are not judged."


def test_a_teams_own_field_is_a_duration_too(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("".join(pino(30, "job", spent=3) + "\n" for _ in range(30)))
    logs = Logs(files=(LogFile(service="jobs", path=path, durations={"spent": "s"}),))
    assert check_log_durations.fn(logs).verdict is Verdict.BAD


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def written(tmp_path: Path, **given: Any) -> Finding:
    return check_log_written.fn(Logs(files=(LogFile(service="api", path=tmp_path / "app.log", **given),)))


@pytest.mark.parametrize(("age_s", "verdict"), [(0, 0), (1790, 0), (1810, 1), (7190, 1), (7210, 3)])
def test_it_hears_when_a_log_falls_silent(tmp_path: Path, age_s: float, verdict: int) -> None:
    (tmp_path / "app.log").write_text("x\n")
    aged(tmp_path / "app.log", age_s)
    assert written(tmp_path).verdict == verdict


def test_a_service_that_rests_has_a_limit_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("x\n")
    aged(tmp_path / "app.log", 7500)
    rests = Threshold(warn=90_000, bad=180_000, because="It works at night only.")
    found = written(tmp_path, silent=rests)
    assert (found.verdict, found.says) == (Verdict.OK, "api wrote last 2 hours ago (bad from 2 days).")
    assert "has written nothing for 2 hours (bad from 2 hours)" in written(tmp_path).says


def test_a_service_that_writes_on_into_the_renamed_file_is_found(tmp_path: Path) -> None:
    """4-32: its next rotation would pack the file under it."""
    log = tmp_path / "app.log"
    log.write_text("x\n")
    turned = renamed(log)
    aged(log, 200)
    found = written(tmp_path)
    assert found.verdict is Verdict.BAD
    assert f"api writes on into {turned}, and app.log stays empty" in found.says
    assert "copytruncate" in found.remedy
    log.unlink()
    assert f"api writes on into {turned}, and app.log does not exist" in written(tmp_path).says
    turned.unlink()
    assert written(tmp_path).verdict is Verdict.BAD
    assert "has no log" in written(tmp_path).says


def test_an_empty_file_was_made_and_not_written(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("x\n")
    aged(renamed(log), 7210)
    assert written(tmp_path).verdict is Verdict.BAD


def test_right_after_a_rotation_all_is_well(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("x\n")
    renamed(log)
    assert written(tmp_path).verdict is Verdict.OK
    log.write_text("y\n")
    assert written(tmp_path).verdict is Verdict.OK


def test_it_refuses_what_cannot_be_read() -> None:
    with pytest.raises(ValidationError, match="write the whole path"):
        LogFile(service="api", path=Path("app.log"))
    one = LogFile(service="api", path=Path("/var/log/app.log"))
    with pytest.raises(ValidationError, match="is named twice"):
        Logs(files=(one, one))


def test_doctor_hears_of_each(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("x\n")
    there = LogFile(service="api", path=tmp_path / "app.log")
    gone = LogFile(service="jobs", path=tmp_path / "gone.log")
    first, second = Logs(files=(there, gone)).examine()
    assert (first.verdict, second.verdict) == (Verdict.OK, Verdict.BAD)
    assert "app.log can be read, 2 bytes" in first.says
