"""From what is stored to the run: once, in order, and whatever Prefect did meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled

from deployments.intake.again import told_again
from deployments.intake.dispatcher import Dispatcher
from deployments.ports import free_port
from flows.gate.requester import How, opening, requester
from flows.journal import Asked
from flows.run.clock import now
from runbooks.catalog import Catalog
from tests.deployments.intake import said
from tests.deployments.intake.conftest import Served
from tests.flows.conftest import prefect_server
from tests.flows.raw import Raw

__all__ = ["prefect_server"]

SLUG = "database/connections-exhausted"


@pytest.fixture
def client(prefect_server: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        client.create_deployment(flow_id=flow, name=SLUG.replace("/", "."), parameters={"runbook": SLUG})
        yield client


def runs(client: SyncPrefectClient, served: Served) -> list[str]:
    """Those that were created for what is stored, in the order of the openings."""
    stored = {one.opening: one.incident for one in served.journal.alerts.newest()}
    return [stored[number] for number in sorted(number for number in stored if number is not None)]


def dispatching(served: Served) -> Dispatcher:
    found, catalog = served.intake.settings, Catalog.load(served.config.team)
    return Dispatcher(served.journal, lambda kept: told_again(kept, found, catalog))


def alert(served: Served, fingerprint: str = "a1b2") -> None:
    assert served.send("alertmanager", said.group(said.prometheus(fingerprint=fingerprint))).status_code == 200


def test_each_problem_gets_one_run_that_says_what_opened_it(served: Served, client: SyncPrefectClient) -> None:
    for fingerprint in ("a", "b", "a"):
        alert(served, fingerprint)
    dispatchers = [dispatching(served) for _ in range(2)]
    assert [dispatchers[n].look() for n in (0, 1, 0)] == [2, 0, 0]
    first, second = runs(client, served)
    assert first != second
    run = client.read_flow_run(UUID(first))
    reason = "alertmanager: PostgresDown: It is down"
    assert run.parameters["environment"] == "staging"
    assert run.parameters["reason"] == reason
    place = served.config.environment("staging")
    asked = opening(SLUG, "staging", reason)
    found = requester(run.parameters["requester"], asked, first, now(), place, served.journal)
    assert (found.how, found.name) == (How.NOBODY, "alert:alertmanager")


def test_what_came_while_prefect_was_down_is_dispatched_once_when_it_is_back(
    served: Served, client: SyncPrefectClient
) -> None:
    dispatcher = dispatching(served)
    alert(served)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}), pytest.raises(httpx.HTTPError):
        dispatcher.look()
    assert [one.run for one in served.journal.openings.waiting()] == [""]
    assert dispatcher.look() == 1
    assert dispatcher.look() == 0
    (run,) = runs(client, served)
    assert client.read_flow_run(UUID(run)).parameters["environment"] == "staging"


def test_what_is_not_published_waits_and_holds_up_nobody(
    served: Served, client: SyncPrefectClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = said.encoded(said.sentry_issue(title="OperationalError"))
    body = body.replace(b'"slug":"web"', b'"slug":"reports"')
    served.post("sentry", body, said.signed(body))
    alert(served)
    dispatcher = dispatching(served)
    assert [dispatcher.look() for _ in range(2)] == [1, 0]
    assert [one.asked.runbook for one in served.journal.openings.waiting()] == ["database/slow-queries"]
    assert caplog.text.count("database/slow-queries is not published") == 1


def test_a_run_that_was_cancelled_before_it_began_is_followed_by_another(
    served: Served, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(served)
    dispatcher = dispatching(served)
    dispatcher.look()
    (run,) = runs(client, served)
    client.set_flow_run_state(UUID(run), Cancelled())
    assert dispatcher.look() == 0
    monkeypatch.setattr("flows.journal.openings._LIMITS", {"newest": 100, "first_s": 0.0, "at_most_s": 0.0})
    assert dispatcher.look() == 1
    assert runs(client, served) != [run]


def test_an_incident_is_told_once_that_its_alert_is_over(served: Served, client: SyncPrefectClient) -> None:
    alert(served)
    dispatcher = dispatching(served)
    dispatcher.look()
    (run,) = runs(client, served)
    with served.journal.hold(run) as log:
        log.append("engine", "opened", Raw("opened", {}))
    served.send("alertmanager", said.group(said.prometheus(status="resolved")))
    for _ in range(2):
        dispatcher.look()
    told = [entry for entry in served.journal.read(run) if entry.kind == "alert resolved"]
    assert [entry.body["says"] for entry in told] == ["alertmanager says that it is over: PostgresDown: It is down"]


def test_an_incident_looks_again_once_all_its_alerts_are_over_and_nothing_was_begun(
    served: Served, client: SyncPrefectClient
) -> None:
    served.journal.openings.ask(Asked(runbook=SLUG, environment="staging", actor="watch", reason="It is down."))
    for fingerprint in ("a", "b"):
        alert(served, fingerprint)
    dispatcher = dispatching(served)
    dispatcher.look()
    (run,) = {one.incident for one in served.journal.alerts.newest()}
    with served.journal.hold(run) as log:
        log.append("engine", "opened", Raw("opened", {}))

        def resolve(fingerprint: str) -> list[str]:
            served.send("alertmanager", said.group(said.prometheus(status="resolved", fingerprint=fingerprint)))
            dispatcher.look()
            return served.journal.alerts.news().over

        assert resolve("a") == []
        assert resolve("b") == [run]
        log.append("engine", "look/1", Raw("look", {}))
        assert served.journal.alerts.news().over == []
        alert(served, "b")
        assert resolve("b") == [run]
        log.append("engine", "intent/1", Raw("intent", {}))
        assert served.journal.alerts.news().over == []
