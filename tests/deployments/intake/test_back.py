"""From a webhook to the incident and back to its source: once, whatever is restarted, and never round in a circle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments import recoverer
from deployments.intake.source import signature
from flows.case.case import Ending
from flows.people import escalate
from flows.people.back import Back
from flows.people.escalate import RETRY_S
from flows.run.clock import now
from tests.deployments.intake import said
from tests.deployments.intake.conftest import CONFIG, SECRET, Served, migrated, roles, serve
from tests.deployments.intake.test_dispatcher import dispatching
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw
from tests.tasks.web.conftest import Reply, Vendor, serving, waits

__all__ = ["migrated", "roles", "serve", "waits"]

TOKEN = "a-token-of-sentry-and-nobody-else"
RUN = "0190c0de"
LINK = f"https://prefect.example.com/runs/flow-run/{RUN}"
COMMENTS = "/api/0/organizations/acme/issues/1/comments/"
ROUTES = '[environments.production]\nroutes = { on-call = ["json://127.0.0.1:9/nobody"] }\n'


@dataclass
class World:
    """A service, the stand-in for its sources' APIs, and what tells these."""

    served: Served
    vendor: Vendor
    back: Back
    later: timedelta = field(default_factory=timedelta)

    def start_again(self) -> None:
        found = recoverer.back(self.served.journal)
        assert found is not None
        self.back = found

    def opens(self, send: Callable[[], object], run: str = RUN) -> None:
        """What `send` opens has a run, which has begun."""
        send()
        [waiting] = self.served.journal.openings.waiting()
        self.served.journal.openings.dispatched(waiting.opening, 1, run)
        place = {"runbook": waiting.asked.runbook, "environment": "production", "severity": "P1", "reason": ""}
        with self.served.journal.hold(run) as log:
            log.append("engine", "opened", Raw("opened", place))

    def ends(self, verdict: Ending, run: str = RUN) -> None:
        with self.served.journal.hold(run) as log:
            log.append("engine", "closed", Raw("closed", {"verdict": verdict, "says": "So it is."}))

    def told(self) -> list[str]:
        """What the sources were told at a look, and the look after it."""
        for _ in range(2):
            self.back.look()
        found = [f"{asked.method} {asked.path}" for asked in self.vendor.asked if asked.method != "GET"]
        self.vendor.asked.clear()
        return found


@pytest.fixture
def world(
    serve: Callable[..., Served], roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with serving() as vendor:
        text = CONFIG.replace("[environments.production]\n", ROUTES).replace(
            "[[alerts.rules]]",
            f"""
[alerts]
prefect_url = "https://prefect.example.com/"
[alerts.sources.sentry.api]
url = "{vendor.url}"
token = "{TOKEN}"
organization = "acme"
[alerts.sources.betterstack.api]
url = "{vendor.url}"
token = "{TOKEN}"
[alerts.sources.pagerduty.api]
url = "{vendor.url}"
routing_key = "{TOKEN}"

[[alerts.rules]]
source = "pagerduty"
runbook = "database/connections-exhausted"

[[alerts.rules]]
source = "betterstack"
runbook = "database/connections-exhausted"

[[alerts.rules]]""",
            1,
        )
        served = serve(text=text)
        monkeypatch.setenv("INCIDENT_CONFIG", str(served.config.file))
        monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
        found = recoverer.back(served.journal)
        assert found is not None
        world = World(served, vendor, found)
        monkeypatch.setattr(escalate, "now", lambda: now() + world.later)
        yield world


def sentry(world: World, action: str = "created") -> Callable[[], object]:
    body = said.encoded(said.sentry_issue(action=action))
    return lambda: world.served.post("sentry", body, said.signed(body))


def test_a_source_is_told_once_that_it_is_worked_on_and_how_it_ended(world: World) -> None:
    world.opens(sentry(world))
    assert world.told() == [f"POST {COMMENTS}"]
    world.start_again()
    assert world.told() == []
    world.ends(Ending.FIXED)
    world.back.look()
    comment = json.loads(world.vendor.asked[-1].body)["text"]
    assert comment == f"Incident Pipelines ended: fixed. database/connections-exhausted in production. {LINK}"
    assert world.told() == [f"PUT {COMMENTS.removesuffix('comments/')}", f"POST {COMMENTS}"]
    world.start_again()
    assert world.told() == []
    entries = world.served.journal.read(RUN)
    assert [entry.body["delivered"] for entry in entries if entry.kind == "told"] == [True, True]
    assert TOKEN not in str(entries)


def test_pagerduty_hears_of_the_key_under_which_its_incident_was_triggered(world: World) -> None:
    body = said.encoded(said.pagerduty())
    proof = {"x-pagerduty-signature": f"v1={signature(SecretStr(SECRET), body)}"}
    world.opens(lambda: world.served.post("pagerduty", body, proof))
    world.back.look()
    world.ends(Ending.FIXED)
    world.back.look()
    events = [json.loads(asked.body) for asked in world.vendor.asked if asked.path == "/v2/enqueue"]
    assert [(one["event_action"], one["dedup_key"]) for one in events] == [
        ("acknowledge", "d3640fbd"),
        ("resolve", "d3640fbd"),
    ]


def test_our_own_resolve_that_comes_back_as_a_webhook_changes_nothing(world: World) -> None:
    world.opens(sentry(world))
    world.ends(Ending.FIXED)
    assert len(world.told()) == 2
    openings = world.served.journal.openings
    before = [entry.hash for entry in world.served.journal.read(RUN)]
    for action in ("resolved", "assigned"):
        sentry(world, action)()
    comment = {"action": "created", "data": {"comment": "So it is.", "comment_id": 7, "issue_id": 1}}
    body = said.encoded(comment)
    world.served.post("sentry", body, said.signed(body))
    assert dispatching(world.served).look() == 0
    assert (world.told(), openings.waiting()) == ([], [])
    assert [entry.hash for entry in world.served.journal.read(RUN)] == before


def test_a_source_that_is_down_is_told_later_and_holds_up_nobody(world: World) -> None:
    world.opens(sentry(world))
    world.vendor.replies = [Reply(status=503)]
    assert len(world.told()) == 1
    world.vendor.replies = [Reply()]
    assert world.told() == []
    world.later = timedelta(seconds=RETRY_S[0] + 1)
    assert world.told() == [f"POST {COMMENTS}"]
    world.vendor.replies = [Reply(status=403, body=f'{{"detail": "{TOKEN}"}}'.encode())]
    world.ends(Ending.FIXED)
    for wait in (*RETRY_S, 0):
        world.told()
        world.later += timedelta(seconds=wait + 1)
    given_up = world.served.journal.read(RUN)[-1].body
    assert (given_up["delivered"], given_up["attempts"]) == (False, len(RETRY_S) + 1)
    assert TOKEN not in str(given_up)
    assert world.told() == []


def test_what_is_over_before_it_was_told_is_not_said_to_have_begun(world: World) -> None:
    world.opens(sentry(world))
    world.ends(Ending.UNCHANGED)
    assert world.told() == [f"POST {COMMENTS}"]


def test_what_ends_unwell_is_not_resolved(world: World) -> None:
    world.opens(lambda: world.served.send("betterstack", said.betterstack()))
    assert world.told() == ["POST /api/v3/incidents/11/acknowledge"]
    world.ends(Ending.UNCHANGED)
    assert world.told() == []


def test_nobody_is_kept_from_being_told_where_we_tell_nobody(world: World) -> None:
    file = world.served.config.file
    file.write_text(file.read_text(encoding="utf-8").replace("routes = {", "# {"), encoding="utf-8")
    world.opens(lambda: world.served.send("betterstack", said.betterstack()))
    assert world.told() == []
    world.ends(Ending.RECOVERED)
    assert world.told() == ["POST /api/v3/incidents/11/resolve"]


def test_an_urgent_alert_is_silenced_by_no_machine(world: World) -> None:
    source = world.served.source("alertmanager")
    calm = said.prometheus()
    calm["labels"] = {**calm["labels"], "severity": "warning"}
    urgent, other = source.alerts(said.group(said.prometheus(), calm))
    assert (urgent.theirs, other.theirs) == ({}, calm["labels"])


def test_without_an_api_or_with_a_wrong_one_no_source_is_told(
    roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "environments.toml"
    file.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("INCIDENT_CONFIG", str(file))
    assert recoverer.back(roles.journal()) is None
    file.write_text(CONFIG.replace(f'secret = ["{SECRET}"', 'api = {}\nsecret = ["short"'), encoding="utf-8")
    assert recoverer.back(roles.journal()) is None
