"""A running stack, attacked by every way in that leads there: Prefect's pages and API, and the command line.

The table of all attacks is in test_ways_in. Here a browser's event loop runs, which some of Prefect's calls mistake for
ours: so these tests are apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser

from deployments.prefect_server import change_headers
from flows.case.question import Question
from tests.deployments.prefect_pages import ClassicPages
from tests.deployments.terminal import Shell, terminal
from tests.deployments.test_browser import browser
from tests.flows.gate.test_proof import code
from tests.flows.house import House
from tests.flows.room import SLUG
from tests.flows.test_planned_survival import lamp

pytestmark = pytest.mark.strict("The attacks of test_ways_in once more, through a whole stack and a browser.")

__all__ = ["browser"]

AT_ONCE = 100
WRONG = "000000"


@pytest.fixture
def shell(house: House) -> Shell:
    """Beside the house's own configuration."""
    return Shell(house.stack.home.root, house.lamp.parent)


@pytest.fixture
def pages(house: House, browser: Browser, tmp_path: Path) -> Iterator[ClassicPages]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, base_url=house.stack.ui_url)
    context.set_default_timeout(15_000)
    yield ClassicPages(context.new_page(), tmp_path)
    context.close()


def in_the_browser(pages: ClassicPages, incident: UUID, name: str, proof: str) -> None:
    pages.open_run(incident)
    pages.open_resume_form()
    pages.choose("Decision", "approve", pages.form)
    pages.fill("Your name", name, pages.form)
    pages.fill("One-time code", proof, pages.form)
    pages.submit_resume_form()


def resume(client: httpx.Client, question: Question, name: str, proof: str) -> str:
    """What Prefect says to an answer that is sent straight to its API."""
    said = {"decision": "approve", "name": name, "note": "", "plan": question.digest, "code": proof}
    answer = client.post(f"flow_runs/{question.incident}/resume", json={"run_input": said})
    return str(answer.json().get("status", answer.status_code)) if answer.is_success else str(answer.status_code)


def test_it_opens_by_no_way_in_without_proof_and_once_with_it(house: House, shell: Shell, pages: ClassicPages) -> None:
    house.open(environment="guarded")
    question = house.question()
    short = question.incident[:8]

    in_the_browser(pages, house.id, "ana", WRONG)
    question = house.question(asked=2)
    assert question.refused.startswith("The one-time code is not ana's of that moment.")

    refused = shell("approve", short, "--decision", "approve", "--name", "zoe")
    assert (refused.returncode, "The one-time code is not zoe's" in refused.stderr) == (1, True), refused.stderr
    house.question(asked=3)
    forged = shell("approve", short, "--decision", "approve", "--name", "eve", INCIDENT_APPROVER_KEY="f" * 40)
    assert "The signature is not eve's for exactly this answer." in forged.stderr

    question = house.question(asked=4)
    assert house.count("tried") == 0
    with httpx.Client(base_url=house.stack.prefect_api_url, timeout=60, trust_env=False) as client:
        client.headers = change_headers(client)
        right = code("zoe")
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            said = Counter(crowd.map(lambda _: resume(client, question, "zoe", right), range(AT_ONCE)))
        assert said["ACCEPT"] == 1, said
        assert resume(client, question, "zoe", right) == "ABORT"
    assert house.end() == "fixed"
    assert (house.count("tried"), house.count("switched on")) == (1, 1)
    assert [entry.actor for entry in house.entries if entry.kind == "answered"] == ["zoe"]
    assert house.kinds().count("refused") == 3


def test_it_opens_in_no_terminal_without_proof(house: House, shell: Shell) -> None:
    lamp(house)
    with terminal(shell, "run", SLUG, "--environment", "guarded") as running:
        for times, proof in enumerate(("", WRONG), start=1):
            running.wait_for("Decision [approve/skip/reject]:", times=times)
            running.type("approve")
            running.wait_for("Your name on the roster:", times=times)
            running.type("ana")
            running.wait_for("Why (kept in the record):", times=times)
            running.type("")
            running.wait_for("One-time code:", times=times)
            running.type(proof)
        running.wait_for("Decision [approve/skip/reject]:", times=3)
        assert running.leave("C") == 130
    assert house.count("tried") == 0
    house.incident = house.journal.incidents(limit=1)[0].incident
    assert house.kinds().count("refused") == 2
