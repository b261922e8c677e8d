"""`incident report`: the file as a person opens it, from a real record, and in a real browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright

from flows.journal import Journal, kinds
from flows.told.health_report import page
from tests.conftest import needs
from tests.deployments.terminal import Shell
from tests.flows.conftest import migrated, roles
from tests.flows.hostile import HOSTILE
from tests.flows.journal.conftest import Roles
from tests.flows.told.checklists import gone, item

__all__ = ["migrated", "roles"]

INCIDENT = "5e0b7c1a-0000-4000-8000-000000000001"
CONFIG = """
[environments.production]
kind = "production"
time_zone = "Europe/Berlin"

[environments.production.systems.postgres]
url = "${NOT_SET_HERE}"

[[environments.production.objectives]]
name = "nobody waits"
check = "check_blocked_sessions"
good = "value < 5"
target = 0.999
"""
# Twelve weeks of a number by the half hour.
MEASURED = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'production', name, at, 1 + extract(hour FROM at) / 24, 's', 'OK', '{}'
      FROM unnest('{check_blocked_sessions,check_database_size}'::text[]) AS name,
           generate_series(now() - interval '84 days', now(), '30 minutes') AS at
"""
OPENING = """
    WITH asked AS (
        INSERT INTO incident.openings (runbook, environment, problem, actor, reason)
        VALUES ('health/morning', 'production', '', 'schedule', '') RETURNING opening
    )
    INSERT INTO incident.dispatched (opening, attempt, run) SELECT opening, 1, %(run)s FROM asked
"""
ATTACK = "".join(
    [
        "<script>window.wasRun = 1; fetch('http://127.0.0.1:9/script')</script>",
        "<img src='http://127.0.0.1:9/image' onerror='window.wasRun = 1'>",
        "<svg onload='window.wasRun = 1'><image href='http://127.0.0.1:9/svg'/></svg>",
        "</title></style></svg><style>@import 'http://127.0.0.1:9/style'</style>",
        "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/away'>",
        "\" onmouseover='window.wasRun = 1' x=\"",
        *HOSTILE,
    ]
)
POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
# The contrast of every text with what lies behind it, as WCAG 2 computes it; in a picture of its paper.
LOWEST_CONTRAST = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const paper = one.tagName === 'svg' && one.querySelector('.paper');
      const colour = paper ? getComputedStyle(paper).fill : getComputedStyle(one).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
  };
  const texts = [...document.body.querySelectorAll('*')].filter(one => [...one.childNodes].some(
    node => node.nodeType === 3 && node.data.trim()) && one.tagName !== 'title');
  return Math.min(...texts.map(one => {
    const style = getComputedStyle(one);
    const both = [light(one.tagName === 'text' ? style.fill : style.color), light(behind(one))].sort((a, b) => b - a);
    return (both[0] + 0.05) / (both[1] + 0.05);
  }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("google-chrome") or needs("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True)
        yield running
        running.close()


@pytest.fixture
def shell(tmp_path: Path, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> Shell:
    with psycopg.connect(roles.owner_url) as session:
        session.execute(MEASURED)
    (tmp_path / "environments.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr("tests.deployments.terminal.FOREIGN", ("PREFECT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS"))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
    monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "environments.toml"))
    return Shell(tmp_path / "home", tmp_path)


def go_through(journal: Journal, **verdicts: str) -> None:
    """As the flow records it; without verdicts it broke off before."""
    opened: dict[str, Any] = {
        "runbook": "health/morning",
        "declared_as": "health",
        "version": "91d7",
        "title": "Morning check",
        "problem": "",
        "environment": "production",
        "parameters": {},
        "checks": [],
        "severity": "P3",
        "reason": "",
        "deployment": "",
        "scheduled": True,
        "requester": {},
    }
    with journal.hold(INCIDENT) as log:
        log.append("health", "opened", kinds.Opened(**opened))
        for name, verdict in verdicts.items():
            seen: dict[str, Any] = {"value": 1.0, "unit": "s", "facts": {}, "rows": [], "columns": [], "remedy": ""}
            log.append("engine", f"diagnosis/{name}", kinds.Finding(verdict=verdict, says=f"{name} it is.", **seen))
        if verdicts:
            items = [item(name, verdict, f"{name} it is.") for name, verdict in verdicts.items()]
            worst = kinds.Checked(verdict="BAD", says="Somebody has to act.", items=items, changed=[], not_here=[])
            log.append("engine", "checked", worst)


def dispatched(roles: Roles) -> None:
    """What makes a run the last one of its checklist."""
    with psycopg.connect(roles.runner_url) as session:
        session.execute(OPENING, {"run": INCIDENT})


def test_it_writes_the_dashboards_of_a_run(shell: Shell, roles: Roles, tmp_path: Path) -> None:
    go_through(roles.journal(), check_blocked_sessions="BAD", check_database_size="OK", check_website_answers="OK")
    said = shell("report", INCIDENT[:8], "--html", "report.html")
    assert (said.returncode, said.stdout) == (0, "Written: report.html\n"), said.stderr
    told = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"<title>(check\w+) in production: ([\d.]+ s) to ([\d.]+ s)", told) == [
        ("check_blocked_sessions", "1 s", "1.96 s"),
        ("check_database_size", "1 s", "1.96 s"),
    ]
    # What is usual is told of what is not well.
    assert told.count('<polygon class="usual"') == 1
    assert "100 % good (99.9 % of 30 days are promised)" in told
    assert told == (shell("report", INCIDENT[:8], "--html", "again.html"), (tmp_path / "again.html").read_text())[1]
    dispatched(roles)
    shown = shell("report", "morning", "--environment", "production")
    assert shown.stdout.index("Health") < shown.stdout.index("Performance") < shown.stdout.index("Infrastructure")
    assert "BAD  check_blocked_sessions it is." in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("morning",), "Where? Name it by --environment"),
        (("morning", "--environment", "production"), "came to no verdict in production yet"),
        (("morning", "--environment", "prodction"), "Did you mean 'production'?"),
        ((INCIDENT[:8],), "did not come to a verdict"),
        (("ffffffff",), "ffffffff"),
    ],
)
def test_it_says_what_there_is_no_report_of(shell: Shell, roles: Roles, arguments: tuple[str, ...], says: str) -> None:
    go_through(roles.journal())
    said = shell("report", *arguments)
    assert (said.returncode, says in said.stderr.replace("\n", " ")) == (2, True), said.stderr


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read(browser: Browser, tmp_path: Path, width: int, scheme: Any) -> None:
    """`INCIDENT_SHOTS` names a folder for pictures of it."""
    file = tmp_path / "report.html"
    file.write_text(page(gone("A sentence with averyveryverylongwordthatneverendsandhasnoplacetobreak_" + "x" * 80)))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(file.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert opened.evaluate(LOWEST_CONTRAST) >= 4.5
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.evaluate(LOWEST_CONTRAST) >= 4.5
    if folder := os.environ.get("INCIDENT_SHOTS"):
        opened.screenshot(path=Path(folder) / f"print-{width}-{scheme}.png", full_page=True)
    context.close()


@pytest.mark.parametrize("refusing", [True, False], ids=["as it is", "without the browser's own refusal"])
def test_nothing_of_it_runs_or_asks_anything(browser: Browser, tmp_path: Path, refusing: bool) -> None:
    told = page(gone(ATTACK))
    file = tmp_path / "report.html"
    assert POLICY in told
    file.write_text(told if refusing else told.replace(POLICY, ""))
    context = browser.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    opened = context.new_page()
    opened.on("dialog", lambda _dialog: asked.append("dialog"))
    opened.goto(file.as_uri())
    for heading in opened.locator("h3").all():
        heading.hover()
    opened.wait_for_timeout(300)
    assert asked == [file.as_uri()]
    assert opened.evaluate("window.wasRun") is None
    assert opened.url == file.as_uri()
    context.close()


@pytest.mark.parametrize(("refusing", "ran"), [(True, None), (False, 1)])
def test_the_browser_refuses_what_would_run_all_the_same(
    browser: Browser, tmp_path: Path, refusing: bool, ran: object
) -> None:
    """The second lock, for whatever we forget to escape one day; without it the attack is one."""
    told = page(gone()).replace("</main>", "<img src='data:,' onerror='window.wasRun = 1'></main>")
    file = tmp_path / "report.html"
    file.write_text(told if refusing else told.replace(POLICY, ""))
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(file.as_uri())
    opened.wait_for_timeout(300)
    assert opened.evaluate("window.wasRun || null") == ran
    context.close()
