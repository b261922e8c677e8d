"""Publishing on a real Prefect server: what is declared is there, what is gone is gone, the rest is left alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import PrefectHTTPStatusError

from deployments.publish import Change, publish
from deployments.wanted import TAG, wanted
from flows.run.planned import waiting
from flows.run.trigger import deployment_name
from runbooks.catalog import Catalog, Complaint
from runbooks.model import Runbook
from tasks.config import Config

SLUG = "database/blocked-sessions"
RUNBOOK = deployment_name(SLUG)
DRILL = "drill/database.blocked-sessions.drill"
# Of one runbook: whatever needs no others is asked of it alone, which is a fifteenth of the work.
CANARY = '\n[environments.canary]\nkind = "production"\n'
ALONE = Catalog(tuple(entry for entry in Catalog.load() if entry.slug == SLUG))
WATCH = "watch/production.every-5-minutes"
DATABASE = """
[environments.{0}.systems.postgres]
url = "${{NOBODY_SET_THIS}}"
"""
PLACES = """
[environments.production]
kind = "production"
time_zone = "Europe/Vienna"

[environments.staging]
kind = "staging"

[environments.lab]
kind = "lab"
""" + "".join(map(DATABASE.format, ("production", "staging", "lab")))


@pytest.fixture
def client(publishing: None) -> Iterator[SyncPrefectClient]:
    """The server, with nothing published on it."""
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        yield client


@pytest.fixture
def offered(publishing: None, config: Config) -> Iterator[SyncPrefectClient]:
    """The server, with one runbook published on it; for tests that only look, or ask for a run."""
    with get_client(sync_client=True) as client:
        publish(ALONE, config)
        yield client


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return _config(tmp_path, PLACES)


def _config(folder: Path, text: str) -> Config:
    file = folder / "environments.toml"
    file.write_text(text)
    return Config.load(file, None)


def _read(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    return client.read_deployment_by_name(name)


def _names(client: SyncPrefectClient) -> set[str]:
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    return {f"{client.read_flow(d.flow_id).name}/{d.name}" for d in client.read_deployments(deployment_filter=ours)}


def _stored(client: SyncPrefectClient) -> dict[str, Any]:
    """Everything the server keeps of them, the moment of their last change included."""
    seen = {"last_polled", "status"}
    return {str(d.id): d.model_dump(mode="json", exclude=seen) for d in client.read_deployments()}


def _schedule(client: SyncPrefectClient, name: str) -> tuple[bool, timedelta, str | None]:
    """Whether a watch runs, how often, and in whose time."""
    (found,) = _read(client, name).schedules
    assert isinstance(found.schedule, IntervalSchedule)
    return found.active, found.schedule.interval, found.schedule.timezone


def _anchor(client: SyncPrefectClient, name: str) -> datetime:
    """The moment from which its rounds are counted."""
    (found,) = _read(client, name).schedules
    assert isinstance(found.schedule, IntervalSchedule)
    return found.schedule.anchor_date


def _fields(client: SyncPrefectClient, name: str) -> dict[str, Any]:
    """What the form asks for."""
    schema = _read(client, name).parameter_openapi_schema or {}
    return dict(schema["properties"])


def _run(client: SyncPrefectClient, **parameters: str) -> None:
    """Ask for a run as the interface does, far from now so that no worker takes it."""
    deployment = _read(client, RUNBOOK)
    run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=_later())
    client.delete_flow_run(run.id)


def _later() -> Any:
    from prefect.states import Scheduled

    from flows.run.clock import now

    return Scheduled(scheduled_time=now() + timedelta(days=1))


def test_it_never_touches_somebody_elses_deployment(client: SyncPrefectClient, config: Config) -> None:
    flow = client.create_flow_from_name("incident")
    foreign = client.create_deployment(flow_id=flow, name="theirs", tags=["runbook"])

    publish(ALONE, config)
    publish(Catalog(()), config)

    assert client.read_deployment(foreign).name == "theirs"
    assert _names(client) == set()


@pytest.mark.strict("Publishes everything twice; the others publish one runbook, those on the stack all of them once.")
def test_it_creates_then_changes_nothing(client: SyncPrefectClient, config: Config) -> None:
    first = publish(Catalog.load(), config)
    assert {change.verb for change in first} == {"create"}
    assert {change.name for change in first} == _names(client)
    before = _stored(client)

    assert publish(Catalog.load(), config) == []
    assert _stored(client) == before


def test_it_changes_nothing_on_a_dry_run(client: SyncPrefectClient, config: Config) -> None:
    changes = publish(ALONE, config, dry_run=True)
    assert Change("create", RUNBOOK) in changes
    assert _names(client) == set()

    publish(ALONE, config)
    before = _stored(client)
    gone = publish(Catalog(()), config, dry_run=True)
    assert Change("remove", RUNBOOK) in gone
    assert _stored(client) == before


def test_it_removes_what_is_declared_no_more(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    changes = publish(Catalog(()), config)
    assert {change.verb for change in changes} == {"remove"}
    assert _names(client) == set()


@pytest.mark.parametrize(("broken", "kept"), [(SLUG, True), ("", True), ("shop/another", False)])
def test_it_keeps_what_was_published_of_a_runbook_that_is_broken_now(
    client: SyncPrefectClient, config: Config, broken: str, kept: bool
) -> None:
    """To remove it would end its watches and its waiting runs; without the team's folder nobody knows what is in it."""
    publish(ALONE, config)
    before = _stored(client)
    changes = publish(Catalog((), (Complaint(slug=broken, says="It is broken."),)), config)
    assert (changes == []) is kept
    assert _stored(client) == (before if kept else {})


def test_it_names_what_it_updates(client: SyncPrefectClient, config: Config, tmp_path: Path) -> None:
    publish(ALONE, config)
    more = _config(tmp_path, PLACES + CANARY + DATABASE.format("canary"))
    changes = publish(ALONE, more)
    assert Change("update", RUNBOOK, ("form",)) in changes
    created = [change.name for change in changes if change.verb == "create"]
    assert created
    assert all(name.startswith("watch/canary.every-") for name in created)
    # A drill's environments are those that may be broken.
    assert DRILL not in {change.name for change in changes}


def test_it_tells_of_what_somebody_smuggled_in_and_takes_it_out(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    found = _read(client, RUNBOOK)
    step = {"prefect.deployments.steps.run_shell_script": {"script": "touch /dev/null"}}
    edited = {"job_variables": {"env": {"A": "b"}}, "pull_steps": [step], "entrypoint": "trojan.incident"}
    client.request("PATCH", "/deployments/{id}", path_params={"id": found.id}, json=edited)

    fields = ("entry point", "job variables", "pull steps")
    assert publish(ALONE, config) == [Change("update", RUNBOOK, fields)]
    healed = _read(client, RUNBOOK)
    assert (healed.job_variables, healed.pull_steps, healed.entrypoint) == ({}, [], found.entrypoint)
    assert publish(ALONE, config) == []


def test_it_updates_a_changed_page(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    (entry,) = ALONE
    assert isinstance(entry.runbook, Runbook)
    changed = dataclasses.replace(entry, runbook=dataclasses.replace(entry.runbook, problem="Nothing moves."))
    changes = publish(Catalog((changed,)), config)
    assert Change("update", RUNBOOK, ("page",)) in changes
    assert "Nothing moves." in (_read(client, RUNBOOK).description or "")


def test_it_leaves_a_schedule_paused_that_was_paused_by_hand(
    client: SyncPrefectClient, config: Config, tmp_path: Path
) -> None:
    publish(ALONE, config)
    watch = _read(client, WATCH)
    client.update_deployment_schedule(watch.id, watch.schedules[0].id, active=False)

    moved = _config(tmp_path, PLACES.replace("Europe/Vienna", "Asia/Tokyo"))
    assert Change("update", WATCH, ("schedule",)) in publish(ALONE, moved)

    assert _schedule(client, WATCH) == (False, timedelta(minutes=5), "Asia/Tokyo")


def test_it_watches_in_the_environments_own_time(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    assert _schedule(client, WATCH) == (True, timedelta(minutes=5), "Europe/Vienna")


def test_it_asks_what_is_watched_equally_often_in_one_run(config: Config) -> None:
    """That all of this stands on the server, the test above shows which publishes everything."""
    rounds = {
        one.full_name.removeprefix("watch/production."): one
        for one in wanted(Catalog.load(), config)
        if one.full_name.startswith("watch/production.")
    }
    assert set(rounds) == {
        "every-1-minute",
        "every-5-minutes",
        "every-15-minutes",
        "every-1-hour",
        "every-6-hours",
        "every-1-day",
    }
    found = rounds["every-1-minute"]
    assert found.parameters == {"environment": "production", "every_s": 60.0}
    page = found.description
    assert "BAD opens `database/connections-exhausted`. (`database/connections-exhausted/check_can_connect`)" in page
    assert "`paused_watches" in page


def test_it_does_not_watch_a_lab_that_is_broken_on_purpose(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    assert _schedule(client, WATCH.replace("production", "lab")) == (False, timedelta(minutes=5), "UTC")


def test_it_begins_to_watch_what_ceased_to_be_a_lab_and_stops_where_one_begins(
    client: SyncPrefectClient, config: Config, tmp_path: Path
) -> None:
    publish(ALONE, config)
    turned = PLACES.replace('"lab"', '"x"').replace('"production"', '"lab"').replace('"x"', '"production"')
    changes = publish(ALONE, _config(tmp_path, turned))
    lab, production = WATCH.replace("production", "lab"), WATCH
    assert {Change("update", lab, ("tags",)), Change("update", production, ("tags",))} <= set(changes)
    assert (_schedule(client, lab)[0], _schedule(client, production)[0]) == (True, False)

    # What a person sets from then on stays so.
    watch = _read(client, lab)
    client.update_deployment_schedule(watch.id, watch.schedules[0].id, active=False)
    publish(ALONE, _config(tmp_path, turned.replace("Europe/Vienna", "Asia/Tokyo") + CANARY))
    assert (_schedule(client, lab)[0], _schedule(client, production)[0]) == (False, False)


def test_it_watches_only_what_an_environment_has(client: SyncPrefectClient, config: Config, tmp_path: Path) -> None:
    publish(ALONE, _config(tmp_path, PLACES + CANARY + DATABASE.format("canary")))
    watched = {name for name in _names(client) if name.startswith("watch/canary.")}
    assert watched

    page = '\n[environments.canary.systems.status_page]\nurl = "https://status.example.com"\n'
    changes = publish(ALONE, _config(tmp_path, PLACES + CANARY + page))
    assert {change.name for change in changes if change.verb == "remove"} == watched

    # Whoever mistyped a type wanted something there.
    typo = '\n[environments.canary.systems.postgers]\nurl = "x"\n'
    publish(ALONE, _config(tmp_path, PLACES + CANARY + typo))
    assert watched <= _names(client)


def test_it_lets_no_two_rounds_begin_in_the_same_second(client: SyncPrefectClient, config: Config) -> None:
    publish(ALONE, config)
    begun = {name: _anchor(client, name) for name in _names(client) if name.startswith("watch/")}
    assert len(begun) >= 6
    assert len({(at.minute, at.second) for at in begun.values()}) == len(begun)

    assert publish(ALONE, config) == []
    watch = _read(client, WATCH)
    moved = IntervalSchedule(interval=timedelta(minutes=5), timezone="Europe/Vienna")
    client.update_deployment_schedule(watch.id, watch.schedules[0].id, schedule=moved)
    assert publish(ALONE, config) == [Change("update", WATCH, ("schedule",))]
    assert _anchor(client, WATCH) == begun[WATCH]


def test_it_never_offers_to_break_production(client: SyncPrefectClient, config: Config, tmp_path: Path) -> None:
    publish(ALONE, config)
    assert _fields(client, DRILL)["environment"]["enum"] == ["lab", "staging"]

    publish(ALONE, _config(tmp_path, '[environments.production]\nkind = "production"\n'))
    assert DRILL not in _names(client)


def test_it_asks_for_environment_severity_and_reason_only(offered: SyncPrefectClient) -> None:
    form = _fields(offered, RUNBOOK)
    assert {name: field["title"] for name, field in form.items()} == {
        "environment": "Environment",
        "severity": "Severity",
        "reason": "Reason",
    }
    assert form["environment"]["enum"] == ["lab", "production", "staging"]
    assert "default" not in form["environment"]
    assert (form["severity"]["enum"], form["severity"]["default"]) == (["P0", "P1", "P2", "P3"], "P1")


def test_it_takes_what_the_form_gives(offered: SyncPrefectClient) -> None:
    _run(offered, environment="lab", reason="It hangs.")
    _run(offered, environment="lab", severity="P0", runbook=SLUG)


def test_it_writes_each_paragraph_of_the_page_on_one_line(offered: SyncPrefectClient) -> None:
    """The classic interface makes a paragraph of every line."""
    page = _read(offered, RUNBOOK).description or ""
    assert (
        "Only sessions of clients: replication, backups, autovacuum and our own are left alone, and superusers'" in page
    )
    assert "\nunless the user is named." not in page
    # Lists, tables and code keep their lines.
    assert "- Alert `PostgresBlockedSessions`\n- Alert" in page
    assert "```sh\nincident drill database/blocked-sessions\n```\n" in page


@pytest.mark.parametrize(
    "parameters",
    [
        {"environment": "prod"},
        {},
        {"environment": "lab", "severity": "P9"},
        {"environment": "lab", "runbook": "security/another"},
    ],
    ids=["unknown environment", "no environment", "unknown severity", "another runbook"],
)
def test_it_refuses_what_the_form_does_not_offer(offered: SyncPrefectClient, parameters: dict[str, str]) -> None:
    with pytest.raises(PrefectHTTPStatusError, match="409"):
        _run(offered, **parameters)


def test_it_keeps_a_run_that_is_due_and_waits_for_a_worker(client: SyncPrefectClient, tmp_path: Path) -> None:
    """As after a night without power, when the stack comes up with a new release."""
    morning = Catalog(tuple(entry for entry in Catalog.load() if entry.slug == "health/morning"))
    places = _config(tmp_path, PLACES)
    publish(morning, places)
    name = "health/health.morning.production"
    before = client.read_deployment_by_name(name)
    late = datetime.now(UTC) - timedelta(hours=25)
    body = {"start_time": late.isoformat(), "end_time": datetime.now(UTC).isoformat()}
    client.request("POST", "/deployments/{id}/schedule", path_params={"id": before.id}, json=body)
    [missed] = _due(client)
    changed = dataclasses.replace(morning.entries[0], version="another")
    assert name in {change.name for change in publish(Catalog((changed,)), places)}
    assert [run.id for run in _due(client)] == [missed.id]


def _due(client: SyncPrefectClient) -> list[Any]:
    return client.read_flow_runs(flow_run_filter=waiting(before=datetime.now(UTC)))
