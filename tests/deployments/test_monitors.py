"""Our own failures and schedules at a Sentry: the real SDK in the real forked processes, and who takes its mail."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from deployments.warm import Generation
from tests.deployments.ear import Ear, listening
from tests.flows.conftest import journal_url, migrated, prefect_server, room
from tests.flows.room import SECRETS, SLUG, Room

__all__ = ["journal_url", "migrated", "prefect_server", "room"]


@pytest.fixture
def ear(room: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ear]:
    """The room's configuration names it."""
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    with listening() as ear:
        monkeypatch.setenv("SENTRY_DSN", ear.dsn)
        with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
            config.write('\n[health]\nsentry_dsn = "${SENTRY_DSN}"\n')
        yield ear


@dataclass(frozen=True)
class Ended:
    """A run whose process has ended."""

    id: UUID
    code: int | None
    began: float
    at: float


def executed(*runs: tuple[str, dict[str, Any]]) -> list[Ended]:
    """What became of runs of ours, each in a process that was forked for it: one after the other."""
    known = [(name, _run(name, **said)) for name, said in runs]

    async def lived() -> list[Ended]:
        generation = await Generation.begin()
        found = []
        try:
            for name, run in known:
                began = time.time()
                environment = {"PREFECT__FLOW_RUN_ID": str(run["id"])}
                forked = await generation.start(UUID(run["id"]), environment, flow=name, known=run)
                await asyncio.wait_for(forked.ended.wait(), 60)
                found.append(Ended(UUID(run["id"]), forked.returncode, began, time.time()))
        finally:
            generation.leave()
            assert generation.heard is not None
            await asyncio.wait_for(generation.heard, 20)
        return found

    return asyncio.run(lived())


def _run(name: str, *, by_schedule: bool = False, **parameters: Any) -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name(name)
        deployment = client.create_deployment(flow_id=flow, name="of-this-test")
        run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
        found: dict[str, Any] = run.model_copy(update={"auto_scheduled": by_schedule}).model_dump(
            mode="json", exclude={"state"}
        )
        return found


def test_a_defect_and_a_failed_flow_are_told_before_the_process_ends_and_without_secrets(room: Room, ear: Ear) -> None:
    room.set(lit=True, trouble="crashes", label=f" {SECRETS['password']} token=nobody-configured-this-one")
    where = {"runbook": SLUG, "environment": "guarded"}
    incident, watch = executed(("incident", where), ("watch", {"environment": "guarded", "every_s": 7}))
    assert incident.code == 0
    defect, failure = ear.of("event")
    assert [at < run.at for (_, _, at), run in zip(ear.items, (incident, watch), strict=True)] == [True, True]
    assert defect["tags"] == {"incident": str(incident.id), "flow": "incident", **where}
    assert failure["tags"] == {"incident": str(watch.id), "flow": "watch", "environment": "guarded"}
    (said,) = failure["exception"]["values"]
    assert (said["type"], said["value"][:30]) == ("NothingWatched", "Nothing is watched every 7 s. ")
    assert {event["release"] for event in (defect, failure)} == {"incident-pipelines@0.1.0"}
    assert {event["environment"] for event in (defect, failure)} == {"guarded"}
    crash, says = defect["exception"]["values"]
    assert (crash["type"], says["type"]) == ("ZeroDivisionError", "Defect")
    assert crash["stacktrace"]["frames"][-1]["function"] == "check_lamp_answers"
    for one in (crash, said):
        assert not any("vars" in frame for frame in one["stacktrace"]["frames"])
    text = b"".join(ear.raw).decode()
    assert "no current" in text
    for secret in (SECRETS["password"], "nobody-configured-this-one", os.environ["INCIDENT_JOURNAL_URL"]):
        assert secret not in text


def test_each_schedule_checks_in_and_says_when_it_is_due_again(room: Room, ear: Ear) -> None:
    room.set(lit=True)
    executed(
        ("watch", {"by_schedule": True, "environment": "room", "every_s": 300}),
        ("watch", {"by_schedule": True, "environment": "room", "every_s": 420}),
        ("maintenance", {"by_schedule": True, "environment": "room", "runbook": "house/lamp-care"}),
        ("watch", {"environment": "room", "every_s": 300}),
    )
    found = [(one["monitor_slug"], one["status"]) for one in ear.of("check_in")]
    assert found == [
        ("watch-room-every-5-minute", "in_progress"),
        ("watch-room-every-5-minute", "ok"),
        ("watch-room-every-7-minute", "in_progress"),
        ("watch-room-every-7-minute", "error"),
        ("maintenance-house-lamp-care-room", "in_progress"),
        ("maintenance-house-lamp-care-room", "ok"),
    ], "one that a person began is no schedule's"
    first, second, *_, care = ear.of("check_in")
    assert first["check_in_id"] == second["check_in_id"]
    assert first["monitor_config"] == {
        "schedule": {"type": "interval", "value": 5, "unit": "minute"},
        "timezone": "UTC",
        "checkin_margin": 20,
        "max_runtime": 60,
    }
    assert care["monitor_config"]["schedule"] == {"type": "crontab", "value": CRON}


CRON = "0 3 * * 0"


def test_nothing_of_it_is_imported_where_nobody_listens(room: Room) -> None:
    code = (
        "import sys\nfrom deployments.imported import prepare\nprepare(team=True)\nprint('sentry_sdk' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "False"


UNCLEAN = """
import os
from pydantic import SecretStr
from flows.run import health
def redact():
    raise ValueError("no redactor today")
given = {"environment": "x", "redact": redact, "tags": {"incident": "canary"}}
health.watch(health.Health(dsn=SecretStr(os.environ["DSN"]), **given))
health.failed(KeyError("canary"))
health.watch(health.Health(dsn=SecretStr("no dsn"), **given))
health.failed(KeyError("canary"))
print("went on")
"""


def test_what_cannot_be_cleaned_is_not_sent_and_what_cannot_be_told_harms_nobody() -> None:
    with listening() as ear:
        given = {**os.environ, "DSN": ear.dsn}
        told = subprocess.run([sys.executable, "-c", UNCLEAN], env=given, capture_output=True, text=True, check=True)
        assert told.stdout == "went on\n"
        (event,) = ear.of("event")
    assert event["exception"] == {"values": [{"type": "KeyError"}]}
    assert b"canary" not in b"".join(ear.raw)


def test_a_sentry_that_does_not_answer_holds_a_run_up_for_seconds_only(
    room: Room, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SENTRY_DSN", f"http://key@127.0.0.1:{silent.getsockname()[1]}/1")
        (run,) = executed(("watch", {"by_schedule": True, "environment": "room", "every_s": 300}))
    assert run.code == 0
    # An unloaded machine takes two seconds for the round, and two for giving up.
    assert run.at - run.began < 20
