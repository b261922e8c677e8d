"""As life begins: monitoring sends a signed alert to the real address of a stack, and an incident opens by itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from deployments.home import Home
from deployments.ports import free_port
from deployments.publish import publish
from deployments.stack import Stack
from flows.journal import Journal, Redactor
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.deployments.intake import said
from tests.deployments.intake.conftest import SECRET
from tests.flows.room import configure

ALERTS = f"""
[alerts]
port = %s
metrics_secret = "{SECRET}"

[alerts.sources.sentry]
environment = "room"
secret = "{SECRET}"

[[alerts.rules]]
source = "sentry"
runbook = "house/dark-room"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, int]]:
    folder = tmp_path_factory.mktemp("site")
    folder.chmod(0o711)
    home, port = Home(folder / "state"), free_port()
    with pytest.MonkeyPatch.context() as place, contextlib.ExitStack() as cleanup:
        place.setenv("INCIDENT_CONFIG", str(folder / "environments.toml"))
        config = configure(folder / "environments.toml", folder / "lamp.json")
        config.write_text(config.read_text() + ALERTS % port)
        stack = cleanup.enter_context(Stack.up(home, port=free_port()))
        cleanup.enter_context(temporary_settings({PREFECT_API_URL: stack.prefect_api_url}))
        loaded = Config.load(config)
        publish(Catalog(tuple(one for one in Catalog.load(loaded.team) if one.slug.startswith("house/"))), loaded)
        yield stack, port


def test_a_signed_alert_opens_its_incident_and_a_storm_of_it_no_other(site: tuple[Stack, int]) -> None:
    stack, port = site
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120
    while True:
        assert time.monotonic() < until, "nobody listens"
        with contextlib.suppress(httpx.TransportError):
            assert httpx.get(f"{address}/health", trust_env=False).json() == {"status": "up"}
            break
        time.sleep(0.2)
    for number in range(5):
        body = said.encoded({**said.sentry_issue(), "sent": number})
        assert httpx.post(
            f"{address}/alerts/sentry",
            content=body,
            headers={"content-type": "application/json", **said.signed(body)},
            trust_env=False,
        ).json()["alerts"]
    journal = Journal(SecretStr(stack.journal_url), Redactor([]))
    run = ""
    while "finding" not in {entry.kind for entry in (journal.read(run) if run else ())}:
        assert time.monotonic() < until, "no incident began by itself"
        run = journal.alerts.newest(1)[0].incident
        time.sleep(0.1)
    opened = journal.read(run)[0]
    assert (opened.kind, opened.actor) == ("opened", "alert:sentry")
    assert opened.body["reason"] == "sentry: OperationalError: no slot"
    assert opened.body["requester"] == {"how": "nobody", "name": "alert:sentry"}
    assert {one.incident for one in journal.alerts.newest()} == {run}
    proof = {"authorization": f"Bearer {SECRET}"}
    metrics = httpx.get(f"{address}/metrics", headers=proof, trust_env=False).text
    assert 'incident_alerts_opened_total{source="sentry"} 1.0' in metrics
    assert 'incident_alerts_joined_total{source="sentry"} 4.0' in metrics
    assert "incident_openings_dispatched_total 1.0" in metrics
    assert "incident_openings_waiting 0.0" in metrics
