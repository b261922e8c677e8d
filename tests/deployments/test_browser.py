"""One incident lived through in the browser, in both of Prefect's interfaces."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.lab import Lab
from deployments.publish import publish
from deployments.stack import Stack
from runbooks.catalog import Catalog
from tasks.config import Config
from tasks.environment import Environment
from tasks.model import Verdict
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.postgres.locks.faults import LeaveTransactionOpen
from tests.conftest import needs
from tests.deployments.prefect_pages import ClassicPages, NewPages, PrefectPages

DEPLOYMENT = "database.blocked-sessions"
STEP = "End the session that holds others up"
NOTE = "Seen in the browser"
REASON = "Support says: the *site* hangs | <b>since 2</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = shutil.which("google-chrome") or needs("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True)
        yield running
        running.close()


@pytest.fixture(scope="module")
def place(stack: Stack) -> Environment:
    """The lab, as the stack's own processes see it."""
    return _config(stack).environment("lab")


@pytest.fixture(params=[ClassicPages, NewPages], ids=["classic", "v2"])
def pages(request: pytest.FixtureRequest, browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[PrefectPages]:
    """Each interface in a tab of its own, with the runbooks published."""
    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}):
        publish(Catalog.load(), _config(stack))
        context = browser.new_context(viewport={"width": 1400, "height": 1000}, base_url=stack.ui_url)
        context.set_default_timeout(90_000)
        yield request.param(context.new_page(), tmp_path)
        context.close()


def _config(stack: Stack) -> Config:
    return Config.load(stack.home.config, stack.home.lab_environment)


@pytest.mark.strict("The same story in Prefect's other interface.", keeps=1)
def test_it_is_lived_through_in_the_browser(pages: PrefectPages, place: Environment, stack: Stack, lab: Lab) -> None:
    with LeaveTransactionOpen().during(place):
        pages.open_deployment(DEPLOYMENT)
        pages.open_tab("Description")
        pages.expect("Sessions wait for a lock", "Is any session waiting for a lock that another session holds?")
        pages.shot("1-description")

        pages.open_trigger_form()
        assert pages.labels() == ["Environment", "Severity", "Reason"]
        pages.choose("Environment", "lab")
        pages.fill("Reason", REASON)
        pages.shot("2-trigger")
        until_noticed(place)
        pages.submit_trigger_form()
        run = newest_run()
        pages.open_run(run)

        pages.open_resume_form()
        story = pages.form
        expect(story.get_by_role("heading", name=f"{STEP}?")).to_be_visible()
        expect(story.get_by_text("3 sessions wait for a lock")).to_be_visible()
        expect(story.locator("code", has_text="pg_terminate_backend(pid)")).to_be_visible()
        expect(story.get_by_role("cell", name="billing-worker").first).to_be_attached()
        pages.shot("3-resume")
        pages.choose("Decision", "approve", story)
        pages.fill("Your name", "you", story)
        pages.fill("Note", NOTE, story)
        pages.shot("4-answered")
        pages.submit_resume_form()
        pages.wait_for_state("Fixed")
        pages.shot("5-fixed")

    pages.open_tab("Task Runs")
    pages.expect("check_blocked_sessions", "check_deadlocks", "check_idle_in_transaction", "check_long_transactions")
    pages.shot("6-tasks")
    pages.open_tab("Artifacts")
    for kind in ("findings", "plan", "step", "verification", "report"):
        pages.expect(f"{kind}-{str(run)[:8]}")
    pages.shot("7-artifacts")
    pages.open_artifact(f"findings-{str(run)[:8]}")
    pages.expect("3 sessions wait for a lock", "Is any session waiting for a lock that another session holds?")
    pages.shot("8-findings")
    pages.open_run(run)
    pages.open_tab("Artifacts")
    pages.open_artifact(f"report-{str(run)[:8]}")
    pages.expect("Sessions wait for a lock in lab: fixed", NOTE, "How long it took")
    pages.shot("9-report")

    told = stored(run)
    assert NOTE in told
    secrets = [*lab.passwords.values(), str(urlsplit(stack.journal_url).password)]
    assert not [secret for secret in secrets if secret in told]


def stored(run: UUID) -> str:
    """Everything Prefect keeps of a run, as text."""
    only = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    with get_client(sync_client=True) as client:
        kept: list[Any] = [
            client.read_flow_run(run),
            client.read_flow_run_states(run),
            client.read_task_runs(flow_run_filter=only),
            client.read_artifacts(flow_run_filter=only),
            client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])), limit=200),
            client.filter_flow_run_input(run, key_prefix="", limit=200, exclude_keys=set()),
            client.read_deployments(),
        ]
    assert all(kept), "one of them found nothing to look through"
    return repr(kept)


def newest_run() -> UUID:
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"incident/{DEPLOYMENT}")
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
        (run,) = client.read_flow_runs(deployment_filter=ours, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)
        return run.id


def until_noticed(place: Environment) -> None:
    """Opened earlier, the incident would find nothing."""
    deadline = time.monotonic() + 30
    while check_blocked_sessions.ask(place).verdict is not Verdict.BAD:
        assert time.monotonic() < deadline, "the fault was not noticed"
        time.sleep(0.2)
