"""A provider's status page, from a real HTTP server that says what the vendor's documents say, or worse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deployments.ports import free_port
from tasks.model import CannotLook, Refused, Verdict
from tasks.status_page import system
from tasks.status_page.checks import check_provider_status
from tasks.status_page.system import StatusPage

ask = check_provider_status.fn

# The shape of Statuspage's public API v2, GET /api/v2/summary.json.
HEALTHY: dict[str, Any] = {
    "page": {
        "id": "tymt9n04zgry",
        "name": "Example",
        "url": "https://status.example.com",
        "time_zone": "Etc/UTC",
        "updated_at": "2026-08-22T10:00:00.000Z",
    },
    "components": [
        {"id": "c0", "name": "Europe", "status": "operational", "group": True, "group_id": None},
        {"id": "c1", "name": "Database", "status": "operational", "group": False, "group_id": "c0"},
        {"id": "c2", "name": "Pooler", "status": "operational", "group": False, "group_id": "c0"},
    ],
    "incidents": [],
    "scheduled_maintenances": [],
    "status": {"indicator": "none", "description": "All Systems Operational"},
}
INCIDENT = {
    "id": "i1",
    "name": "Elevated errors",
    "status": "investigating",
    "impact": "minor",
    "shortlink": "https://stspg.io/x",
}


class Page:
    """What the server answers next."""

    def __init__(self) -> None:
        self.body: bytes = json.dumps(HEALTHY).encode()
        self.status = 200
        self.kind = "application/json; charset=utf-8"
        self.drips = False
        self.asked: list[str] = []
        self.url = ""

    def says(self, **changes: object) -> None:
        self.body = json.dumps({**HEALTHY, **changes}).encode()

    def component(self, name: str, status: str) -> None:
        self.says(
            components=[{**one, "status": status} if one["name"] == name else one for one in HEALTHY["components"]],
            status={"indicator": "minor", "description": "Minor Service Outage"},
            incidents=[INCIDENT],
        )


@pytest.fixture
def page() -> Iterator[Page]:
    page, over = Page(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.asked.append(self.path)
            self.send_response(page.status)
            self.send_header("Content-Type", page.kind)
            self.send_header("Location", "/api/v2/summary.json")
            self.end_headers()
            self.wfile.write(page.body)
            while page.drips and not over.wait(0.05):
                self.wfile.write(b" ")

        def log_message(self, *_: object) -> None:
            """Nothing: pytest's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    page.url = f"http://127.0.0.1:{server.server_port}"
    yield page
    over.set()
    server.shutdown()
    server.server_close()


def door(page: Page, *components: str, timeout_s: float = 5) -> StatusPage:
    return StatusPage(url=page.url, components=components, timeout_s=timeout_s)


def test_it_says_that_all_is_well(page: Page) -> None:
    found = ask(door(page))
    assert (found.verdict, found.says) == (Verdict.OK, "Example reports All Systems Operational.")
    assert page.asked == ["/api/v2/summary.json"]
    found = ask(door(page, "Database", "Pooler"))
    assert found.says == "Example reports Database: operational, Pooler: operational."
    assert [one.verdict for one in door(page).examine()] == [Verdict.OK]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("operational", Verdict.OK),
        ("degraded_performance", Verdict.WARN),
        ("under_maintenance", Verdict.WARN),
        ("partial_outage", Verdict.BAD),
        ("major_outage", Verdict.BAD),
        ("a_word_of_tomorrow", Verdict.UNKNOWN),
    ],
)
def test_it_judges_the_parts_we_use(page: Page, status: str, verdict: Verdict) -> None:
    page.component("Database", status)
    assert ask(door(page, "Database")).verdict is verdict
    assert ask(door(page, "Pooler")).verdict is Verdict.OK


def test_it_says_what_a_person_would_repeat(page: Page) -> None:
    page.component("Database", "major_outage")
    assert ask(door(page, "Database", "Pooler")).says == (
        "Example reports Database: major outage. Open there: “Elevated errors” (investigating) https://stspg.io/x."
    )


@pytest.mark.parametrize(
    ("indicator", "verdict"),
    [
        ("none", Verdict.OK),
        ("minor", Verdict.WARN),
        ("critical", Verdict.WARN),
        ("maintenance", Verdict.WARN),
        ("new", Verdict.UNKNOWN),
    ],
)
def test_it_never_wakes_anybody_for_a_part_nobody_named(page: Page, indicator: str, verdict: Verdict) -> None:
    page.says(status={"indicator": indicator, "description": "Something"})
    assert ask(door(page)).verdict is verdict


def test_it_knows_a_misspelt_component(page: Page) -> None:
    found = ask(door(page, "Databse"))
    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "Did you mean 'Database'?"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"{}",
        b"[]",
        b"null",
        b'{"status": "UP"}',
        b'{"status": {}}',
        b'{"status": {"indicator": ""}}',
        b"\xff\xfe",
    ],
)
def test_it_takes_nothing_else_for_a_status(page: Page, body: bytes) -> None:
    page.body = body
    with pytest.raises(Refused, match="publishes no status in the form of Statuspage"):
        ask(door(page))


def test_it_reads_an_imitation_that_leaves_fields_out(page: Page) -> None:
    page.body = b'{"status": {"indicator": "none"}, "components": null, "incidents": [null, 3]}'
    assert ask(door(page)).says == "127.0.0.1 reports none."


@pytest.mark.parametrize(("status", "kind"), [(404, "application/json"), (200, "text/html"), (403, "text/plain")])
def test_it_says_that_there_is_no_such_page(page: Page, status: int, kind: str) -> None:
    page.status, page.kind = status, kind
    with pytest.raises(Refused):
        ask(door(page))


@pytest.mark.parametrize("status", [500, 503, 429])
def test_it_asks_a_page_in_trouble_again(page: Page, status: int) -> None:
    page.status = status
    with pytest.raises(CannotLook, match=f"answers {status}") as caught:
        ask(door(page))
    assert not isinstance(caught.value, Refused)


def test_it_gives_up_on_endless_redirects_silence_and_nobody(page: Page) -> None:
    page.status = 302
    with pytest.raises(CannotLook, match="cannot be read: TooManyRedirects"):
        ask(door(page))
    page.status, page.drips = 200, True
    started = time.monotonic()
    with pytest.raises(CannotLook, match=r"did not answer within 0\.5 s"):
        ask(door(page, timeout_s=0.5))
    assert time.monotonic() - started < 50
    with pytest.raises(CannotLook, match="cannot be reached: Connection refused"):
        ask(StatusPage(url=f"http://127.0.0.1:{free_port()}"))


def test_it_reads_no_more_than_a_page_can_be(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "LARGEST", 100)
    with pytest.raises(Refused):
        ask(door(page))


@pytest.mark.parametrize("url", ["status.example.com", "ftp://x", "http://", "file:///etc/passwd"])
def test_it_refuses_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="must be the page's address"):
        StatusPage(url=url)
