"""Playbooks and maintenance as Prefect deployments, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import PrefectHTTPStatusError

from deployments.publish import Change, publish
from flows.run.clock import now
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.flows.room import MAINTENANCE, PLAYBOOK, TEAM

PLACES = """
[team]
runbooks = "{team}/runbooks"
systems = "{team}/systems"

[environments.production]
kind = "production"
time_zone = "Europe/Vienna"

[environments.lab]
kind = "lab"

[environments.shed]
kind = "staging"

[environments.production.systems.lamp]
[environments.lab.systems.lamp]
[environments.shed.systems.postgres]
"""
WORK = "playbook/house.new-bulb"
CARE = "maintenance/house.lamp-care.production"


@pytest.fixture
def client(publishing: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return _config(tmp_path, PLACES.format(team=TEAM))


def _config(folder: Path, text: str) -> Config:
    file = folder / "environments.toml"
    file.write_text(text)
    return Config.load(file, None)


@pytest.fixture
def catalog(config: Config) -> Catalog:
    """The planned work alone."""
    return Catalog(tuple(e for e in Catalog.load(config.team) if e.slug in (PLAYBOOK, MAINTENANCE)))


def _begin(client: SyncPrefectClient, name: str, **parameters: Any) -> None:
    """Ask for a run as the interface does, far from now so that no worker takes it."""
    from prefect.states import Scheduled

    deployment = client.read_deployment_by_name(name)
    later: Any = Scheduled(scheduled_time=now() + timedelta(days=1))
    client.delete_flow_run(client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=later).id)


def test_it_publishes_each_maintenance_where_and_when_its_window_opens(
    client: SyncPrefectClient, config: Config, catalog: Catalog, tmp_path: Path
) -> None:
    first = publish(catalog, config)
    assert {c.name for c in first} >= {WORK, CARE, CARE.replace("production", "lab")}
    assert publish(catalog, config) == []
    [schedule] = client.read_deployment_by_name(CARE).schedules
    assert isinstance(schedule.schedule, CronSchedule)
    assert (schedule.active, schedule.schedule.cron, schedule.schedule.timezone) == (True, "0 3 * * 0", "Europe/Vienna")
    [lab] = client.read_deployment_by_name(CARE.replace("production", "lab")).schedules
    assert not lab.active
    # Nobody has a lamp there.
    assert CARE.replace("production", "shed") not in {c.name for c in first}

    moved = _config(tmp_path, PLACES.format(team=TEAM).replace("Europe/Vienna", "Asia/Tokyo"))
    assert publish(catalog, moved) == [Change("update", CARE, ("schedule",))]
    assert {c.verb for c in publish(Catalog(()), config)} == {"remove"}
    assert not client.read_deployments()


def test_it_asks_for_a_playbooks_own_parameters(client: SyncPrefectClient, config: Config, catalog: Catalog) -> None:
    publish(catalog, config)
    form = (client.read_deployment_by_name(WORK).parameter_openapi_schema or {})["properties"]
    assert set(form) == {"environment", "parameters", "reason"}
    assert form["environment"]["enum"] == ["lab", "production", "shed"]
    assert set(form["parameters"]["properties"]) == {"bulb", "colour"}
    assert form["parameters"]["properties"]["colour"]["enum"] == ["warm", "cold"]
    _begin(client, WORK, environment="lab", parameters={"bulb": "left"})
    _begin(client, WORK, environment="lab", parameters={"bulb": "left", "colour": "cold"}, reason="It flickers.")


@pytest.mark.parametrize(
    "parameters",
    [
        {"environment": "lab"},
        {"environment": "lab", "parameters": {}},
        {"environment": "lab", "parameters": {"bulb": "--all"}},
        {"environment": "lab", "parameters": {"bulb": "left", "colour": "blue"}},
        {"environment": "lab", "parameters": {"bulb": "left", "more": 1}},
        {"environment": "lab", "parameters": {"bulb": "left"}, "runbook": MAINTENANCE},
    ],
)
def test_it_refuses_what_the_form_does_not_offer(
    client: SyncPrefectClient, config: Config, catalog: Catalog, parameters: dict[str, Any]
) -> None:
    publish(catalog, config)
    with pytest.raises(PrefectHTTPStatusError, match="409"):
        _begin(client, WORK, **parameters)


@pytest.mark.parametrize("parameters", [{"environment": "lab"}, {"runbook": PLAYBOOK}, {"runbook": "house/dark-room"}])
def test_a_maintenance_stays_where_it_was_published(
    client: SyncPrefectClient, config: Config, catalog: Catalog, parameters: dict[str, Any]
) -> None:
    publish(catalog, config)
    with pytest.raises(PrefectHTTPStatusError, match="409"):
        _begin(client, CARE, **parameters)
