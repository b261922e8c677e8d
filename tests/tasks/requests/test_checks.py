"""What is asked of the requests: both sides of each limit, whole sentences, and healthy look-alikes."""

from __future__ import annotations

import gzip
import os
import re
import time
from pathlib import Path

import pytest

from tasks.logs.system import LogFile, Logs
from tasks.model import CannotLook, Verdict
from tasks.requests.checks import check_calls_to_others, check_request_errors, check_request_latency
from tasks.requests.traffic import traffic
from tests.tasks.requests.writing import access, hour, line


def last_minutes(statuses: list[int], path: str = "/orders/7") -> list[str]:
    now_s = time.time()
    return [line(now_s - 200 + n / 1000, path, status) for n, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("failed", "whole", "verdict"),
    [
        (0, 1000, Verdict.OK),
        (9, 1000, Verdict.OK),
        (10, 1000, Verdict.WARN),
        (49, 1000, Verdict.WARN),
        (50, 1000, Verdict.BAD),
        (5, 100, Verdict.BAD),
        # Too few: never BAD, and a warning only where they cannot be an accident.
        (2, 99, Verdict.OK),
        (50, 99, Verdict.WARN),
        (1, 3, Verdict.WARN),
        (0, 3, Verdict.OK),
    ],
)
def test_it_judges_the_share_that_failed(tmp_path: Path, failed: int, whole: int, verdict: Verdict) -> None:
    logs = access(tmp_path / "a.log", last_minutes([500] * failed + [200] * (whole - failed)))
    assert check_request_errors.fn(logs).verdict is verdict


def test_what_clients_ask_wrongly_is_no_failure(tmp_path: Path) -> None:
    found = check_request_errors.fn(access(tmp_path / "a.log", last_minutes([404] * 50 + [401] * 50 + [200] * 50)))
    assert found.verdict is Verdict.OK
    assert found.says == "None of 150 requests failed in 5 minutes (bad from 5.00%)."


def test_it_says_which_endpoint_since_when_and_the_numbers_before_and_after(tmp_path: Path) -> None:
    lines = [*hour(rate=2), *hour(rate=2, path="/health", share=0)]
    found = check_request_errors.fn(access(tmp_path / "a.log", lines))
    assert found.verdict is Verdict.BAD
    told = re.fullmatch(
        r"(\d+)% of 5\d\d requests to GET /orders/:id of api failed in 5 minutes \(bad from 5\.00%\), since "
        r"\d\d:\d\d:\d\d UTC ± \d+ s \(before: 0% of 5,[89]\d\d; after: \d+% of 1,[0-2]\d\d\); "
        r"[\d.]+% of all 1,[01]\d\d\.",
        found.says,
    )
    assert told, found.says
    assert abs(float(str(found.facts["since_at_s"])) - (time.time() - 600)) < 20
    assert int(told[1]) == pytest.approx(20, abs=6)
    assert found.rows[0]["endpoint"] in ("(all)", "GET /orders/:id")


def test_one_sick_endpoint_is_not_thinned_out_by_the_others(tmp_path: Path) -> None:
    lines = [*last_minutes([500] * 10 + [200] * 90, "/pay"), *last_minutes([200] * 5000, "/health")]
    found = check_request_errors.fn(access(tmp_path / "a.log", lines))
    assert found.verdict is Verdict.BAD
    assert "GET /pay of api" in found.says


def test_who_looks_for_holes_fills_no_memory_and_hides_nothing(tmp_path: Path) -> None:
    now_s = time.time()
    holes = [line(now_s - 60, f"/x{n}.php", 404) for n in range(3000)]
    logs = access(tmp_path / "a.log", [*holes, *last_minutes([500] * 100, "/pay")])
    assert check_request_errors.fn(logs).verdict is Verdict.BAD
    made_up = [line(now_s - 60, f"/p{n}q/z", 200) for n in range(3000)]
    assert len(traffic(access(tmp_path / "b.log", made_up)).endpoints) == 201


def test_no_line_of_a_request_is_not_health(tmp_path: Path) -> None:
    found = check_request_errors.fn(access(tmp_path / "a.log", ['{"level":30,"time":1795986703,"msg":"started"}']))
    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy


def test_lines_without_a_time_are_told(tmp_path: Path) -> None:
    lines = ['INFO:     127.0.0.1:46552 - "GET /boom HTTP/1.1" 500 Internal Server Error'] * 200
    found = check_request_errors.fn(access(tmp_path / "a.log", lines))
    assert found.verdict is Verdict.UNKNOWN
    assert found.says == "Lines tell of requests, and not when: nothing can be counted by the minute."


def test_a_log_that_is_gone_is_not_health(tmp_path: Path) -> None:
    logs = Logs(files=(LogFile(service="api", path=tmp_path / "gone.log"),))
    with pytest.raises(CannotLook):
        check_request_errors.fn(logs)


def test_of_two_logs_the_one_that_is_gone_is_told(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", last_minutes([200] * 200))
    both = Logs(files=(*logs.files, LogFile(service="web", path=tmp_path / "gone.log")))
    assert "does not exist" in check_request_errors.fn(both).says


def test_it_sees_the_hour_across_a_rotation(tmp_path: Path) -> None:
    lines = hour(rate=2)
    half, rest = lines[:3000], lines[3000:]
    old = tmp_path / "a.log.1"
    old.write_text("".join(f"{one}\n" for one in half), encoding="utf-8")
    logs = access(tmp_path / "a.log", rest)
    assert sum(len(one.at_s) for one in traffic(logs).services.values()) == len(lines)
    packed = tmp_path / "a.log.1.gz"
    packed.write_bytes(gzip.compress(old.read_bytes()))
    # While it is being packed both lie there; afterwards the packed one alone.
    assert sum(len(one.at_s) for one in traffic(logs).services.values()) == len(lines)
    old.unlink()
    assert sum(len(one.at_s) for one in traffic(logs).services.values()) == len(lines)
    os.utime(packed, (time.time() - 7200, time.time() - 7200))
    assert sum(len(one.at_s) for one in traffic(logs).services.values()) == len(rest)


def test_a_log_that_is_too_long_is_read_in_part_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.requests.traffic.TAKEN_APART_BYTES", 2**18)
    lines = hour(rate=10)
    found = check_request_errors.fn(access(tmp_path / "a.log", lines))
    assert found.verdict is Verdict.BAD
    assert "one line of" in found.says
    assert float(str(found.value)) == pytest.approx(0.2, abs=0.05)


def test_it_says_how_long_an_endpoint_takes_and_how_sure_that_is(tmp_path: Path) -> None:
    found = check_request_latency.fn(access(tmp_path / "a.log", hour(rate=2, share=0.4, slow_ms=3000)))
    assert found.verdict is Verdict.BAD
    told = re.fullmatch(
        r"95% of 5\d\d requests to GET /orders/:id of api took up to 3\.\d+ s \(3\.\d+ to 3\.\d+\) in 5 minutes "
        r"\(bad from 2 s\), half up to 0\.02\d* s \(0\.02\d* to 0\.02\d*\), since \d\d:\d\d:\d\d UTC ± \d+ s "
        r"\(before: 0\.?\d*% over 0\.5 s of 5,[89]\d\d; after: \d+% of 1,[0-2]\d\d\); "
        r"whether the database's or somebody else's, its lines do not tell\.",
        found.says,
    )
    assert told, found.says
    assert found.rows[0]["p99_at_least_s"]


@pytest.mark.parametrize(
    ("slow_ms", "verdict"), [(400, Verdict.OK), (700, Verdict.WARN), (1500, Verdict.WARN), (3000, Verdict.BAD)]
)
def test_it_judges_the_95th_percentile(tmp_path: Path, slow_ms: float, verdict: Verdict) -> None:
    found = check_request_latency.fn(access(tmp_path / "a.log", hour(rate=2, share=0.4, slow_ms=slow_ms)))
    assert found.verdict is verdict


def test_what_may_be_an_accident_of_a_hundred_is_a_warning(tmp_path: Path) -> None:
    now_s = time.time()
    lines = [line(now_s - 100, took_ms=3000 if n < 6 else 20) for n in range(100)]
    found = check_request_latency.fn(access(tmp_path / "a.log", lines))
    assert found.value == pytest.approx(3.0)
    assert found.verdict is Verdict.WARN


def test_a_few_are_not_judged_and_that_is_said(tmp_path: Path) -> None:
    now_s = time.time()
    found = check_request_latency.fn(access(tmp_path / "a.log", [line(now_s - 100, took_ms=9000)] * 99))
    assert found.verdict is Verdict.OK
    assert found.says == (
        "No endpoint had 100 requests in 5 minutes: too few to judge. GET /orders/:id of api had 99, half of them "
        "within 9 s."
    )


def test_what_waits_on_purpose_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    now_s = time.time()
    access(path, [line(now_s - 100, "/events", took_ms=30_000)] * 200 + [line(now_s - 100)] * 200)
    logs = Logs(files=(LogFile(service="api", path=path, unhurried=("GET /events",)),))
    assert check_request_latency.fn(logs).verdict is Verdict.OK


def test_it_tells_the_part_of_the_database(tmp_path: Path) -> None:
    now_s = time.time()
    lines = [line(now_s - 100, took_ms=3000, db_ms=2700, external_ms=30)] * 200
    found = check_request_latency.fn(access(tmp_path / "a.log", lines))
    assert "; 90% of the time for the database and 1.00% of the time for others." in found.says


@pytest.mark.parametrize(("took_ms", "verdict"), [(300, Verdict.OK), (600, Verdict.WARN), (2500, Verdict.BAD)])
def test_it_tells_when_somebody_else_is_slow(tmp_path: Path, took_ms: float, verdict: Verdict) -> None:
    now_s = time.time()
    lines = [line(now_s - 50, "https://api.example.com/pay", took_ms=took_ms)] * 150
    found = check_calls_to_others.fn(access(tmp_path / "a.log", lines))
    assert found.verdict is verdict
    assert found.says.startswith("api asked GET api.example.com 150 times in 5 minutes: 95% within ")


def test_it_does_not_know_of_others_what_no_line_tells(tmp_path: Path) -> None:
    found = check_calls_to_others.fn(access(tmp_path / "a.log", last_minutes([200] * 200)))
    assert found.says == "The logs tell of no requests to others; whether somebody else is slow they do not say."
