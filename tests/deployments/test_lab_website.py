"""The lab's website: every question about it and its log answers OK, until a drill makes it ill, and again after it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab, certificates, website
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.logs.checks import (
    check_log_durations,
    check_log_errors,
    check_log_logins,
    check_log_mail,
    check_log_written,
)
from tasks.logs.faults import TryPasswords, TurnWithoutReopening, WriteErrors
from tasks.logs.system import LogFile, Logs
from tasks.model import Earlier, Finding, Refused, Verdict
from tasks.registry import register_systems
from tasks.requests.traffic import traffic
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import (
    check_website_answers,
    check_website_names,
    check_website_pace,
    check_website_redirects,
)
from tasks.website.faults import AnswerSlowly, AnswerUnavailable, ShowEndingCertificate
from tasks.website.system import Endpoint, Website

WEBSITE = (
    check_website_answers,
    check_website_pace,
    check_website_certificates,
    check_website_redirects,
    check_website_names,
)
LOGS = (check_log_errors, check_log_logins, check_log_mail, check_log_durations, check_log_written)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


def later(found: Finding) -> Earlier:
    return Earlier(at_s=time.time(), value=found.value or 0.0, facts=found.facts)


@pytest.mark.parametrize("asked", [*WEBSITE, *LOGS], ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    first = asked.ask(place)
    assert first.verdict is Verdict.OK, first.says
    second = asked.ask(place, later(first))
    assert second.verdict is Verdict.OK, second.says


@pytest.mark.parametrize(
    ("fault", "noticed_by", "says"),
    [
        (AnswerUnavailable(), check_website_answers, '503 instead of 200: {"status": "down", "database": "connection'),
        (AnswerSlowly(wait_s=5.2), check_website_pace, "at the median"),
        (ShowEndingCertificate(), check_website_certificates, "is good for another"),
        (TurnWithoutReopening(), check_log_written, "writes on into"),
    ],
)
def test_its_drills_are_noticed_and_leave_nothing(
    place: Environment, fault: Fault, noticed_by: Check[Any], says: str
) -> None:
    with fault.during(place):
        found = noticed_by.ask(place)
        assert found.verdict is Verdict.BAD, found.says
        assert says in found.says
    assert noticed_by.ask(place).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("fault", "noticed_by"), [(WriteErrors(), check_log_errors), (TryPasswords(), check_log_logins)]
)
def test_what_a_drill_writes_is_forgotten_in_a_moment(
    place: Environment, fault: Fault, noticed_by: Check[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = noticed_by.ask(place)
    with fault.during(place):
        found = noticed_by.ask(place, later(found))
        assert found.verdict is Verdict.BAD, found.says
    assert noticed_by.ask(place, later(found)).verdict is Verdict.BAD
    now = time.time() + 16
    for module in ("recent", "news", "looking"):
        monkeypatch.setattr(f"tasks.logs.{module}.time.time", lambda: now)
    assert noticed_by.ask(place, later(found)).verdict is Verdict.OK


def test_its_drills_break_nothing_where_customers_live(place: Environment) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    for fault in (AnswerUnavailable(), WriteErrors(), TurnWithoutReopening(), TryPasswords()):
        with pytest.raises(RefusesProduction), fault.during(there):
            pass


def test_a_website_that_cannot_be_told_is_not_made_ill() -> None:
    with pytest.raises(Refused, match="it has no `drill_file`"):
        AnswerUnavailable().cause(Website(endpoints=(Endpoint(name="home", url="https://example.com/"),)))


def test_doctor_finds_both(place: Environment) -> None:
    for name in ("website", "logs"):
        assert {found.verdict for found in place.systems[name].examine()} == {Verdict.OK}


def test_it_comes_back_when_it_is_killed(lab: Lab, place: Environment) -> None:
    os.kill(lab.supervisor.pids()["website"], signal.SIGKILL)
    until = time.monotonic() + 20
    while check_website_answers.ask(place).verdict is not Verdict.OK and time.monotonic() < until:
        time.sleep(0.1)
    assert check_website_answers.ask(place).verdict is Verdict.OK


@pytest.fixture
def site(tmp_path: Path) -> Iterator[website.Site]:
    """One of its own, in a folder of its own, which no drill makes ill."""
    certificates.issue(tmp_path)
    found = website.Site(tmp_path, 0)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def asked(site: website.Site, path: str) -> int:
    context = ssl.create_default_context(cafile=str(site.folder / certificates.CA))
    line = http.client.HTTPSConnection("127.0.0.1", site.server_address[1], timeout=10, context=context)
    with closing(line):
        line.request("GET", path)
        return line.getresponse().status


def test_a_version_that_fails_one_answer_in_twenty_does_just_that(site: website.Site) -> None:
    assert [asked(site, "/orders/7") for _ in range(3)] == [200] * 3
    (site.folder / website.RELEASE).write_text('{"version": "bad", "fails": 0.05}', encoding="utf-8")
    statuses = [asked(site, f"/orders/{n}") for n in range(40)]
    assert statuses.count(500) == 2
    assert [asked(site, path) for path in ("/", "/health")] == [200, 200]
    found = traffic(Logs(files=(LogFile(service="website", path=site.folder / website.ACCESS),)))
    samples = found.of(("website", "GET /orders/:id"))
    assert (len(samples.failed), sum(samples.failed)) == (43, 2)


def test_a_version_that_is_slow_is_so_at_one_endpoint(site: website.Site) -> None:
    (site.folder / website.RELEASE).write_text('{"version": "bad", "slow_ms": 300}', encoding="utf-8")
    assert asked(site, "/orders/7") == asked(site, "/products") == 200
    found = traffic(Logs(files=(LogFile(service="website", path=site.folder / website.ACCESS),)))
    assert found.of(("website", "GET /orders/:id")).took_s[0] >= 0.3
    assert found.of(("website", "GET /products")).took_s[0] < 0.3


def test_its_access_log_turns_itself_away(site: website.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(website, "MOST_ACCESS_BYTES", 200)
    assert [asked(site, "/products") for _ in range(5)] == [200] * 5
    assert (site.folder / f"{website.ACCESS}.1").exists()


def test_a_version_that_hangs_answers_nobody_and_hangs_up_in_the_end(
    site: website.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(website, "HANGS_S", 0.3)
    monkeypatch.setattr(website, "HANGS_POLL_S", 0.05)
    (site.folder / website.RELEASE).write_text('{"version": "bad", "hangs": true}', encoding="utf-8")
    with pytest.raises(http.client.RemoteDisconnected):
        asked(site, "/orders/7")
    (site.folder / website.RELEASE).unlink()
    assert asked(site, "/orders/7") == 200


def test_what_a_drill_answers_in_its_place_is_not_in_its_access_log(site: website.Site) -> None:
    (site.folder / website.TROUBLE).write_text('{"status": 503}', encoding="utf-8")
    assert asked(site, "/orders/7") == 503
    (site.folder / website.TROUBLE).unlink()
    assert asked(site, "/orders/7") == 200
    lines = (site.folder / website.ACCESS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["status"] for line in lines] == [200]
