"""What a watch opened closes by itself when the watch is answered OK, and nobody did anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.case.question import open_question
from flows.journal import Asked, kinds
from flows.opening import recovered
from flows.opening.door import open_once
from flows.opening.recovered import AGAIN_AFTER
from flows.run import settings
from flows.run.clock import now
from flows.watch import watch
from tests.flows.gate.test_gate import STEP, Gate, approve
from tests.flows.room import Room

EVERY_S = 300
PLACE = """
[environments.{place}]
kind = "staging"
approvers = {{ ana = {{ roles = ["on-call"] }} }}

[environments.{place}.systems.lamp]
file = "{lamp}"
"""


@pytest.fixture
def gate(room: Room) -> Iterator[Gate]:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        for slug in ("house/dark-room", "house/blown-fuse"):
            client.create_deployment(flow_id=flow, name=slug.replace("/", "."), parameters={"runbook": slug})
        yield Gate(room, client)


def opened(gate: Gate, place: str) -> Gate:
    """The dark room's incident, as the watch opened it: it waits for a person."""
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(PLACE.format(place=place, lamp=gate.room.lamp))
    watch(place, EVERY_S)
    ((_, run),) = gate.room.journal.openings.open_of(place, ["house/dark-room"])
    gate.room.incident = run
    gate.asked()
    return gate


def woken(gate: Gate) -> bool:
    return gate.state == "AwaitingRetry"


def test_it_closes_as_recovered_and_nobody_was_needed(gate: Gate) -> None:
    opened(gate, "attic")
    gate.room.set(lit=True)
    watch("attic", EVERY_S)
    assert woken(gate)
    gate.execute()
    assert gate.room.verdict == "recovered by itself"
    told = next(entry for entry in gate.room.entries if entry.is_a(kinds.AlertResolved))
    assert (told.actor, told.body["says"]) == ("watch", "OK: The lamp is on.")
    assert gate.room.count("tried") == 0


def test_it_is_left_alone_while_the_fault_is_there(gate: Gate) -> None:
    opened(gate, "barn")
    watch("barn", EVERY_S)
    assert not woken(gate)


def test_what_a_monitoring_alerted_of_is_over_when_that_says_so(gate: Gate) -> None:
    opened(gate, "cellar")
    wanted = Asked(runbook="house/dark-room", environment="cellar", actor="alert:sentry", reason="dark")
    assert open_once(gate.room.journal, wanted) == gate.room.incident
    gate.room.set(lit=True)
    watch("cellar", EVERY_S)
    assert not woken(gate)


def test_what_a_person_opened_waits_for_a_person(gate: Gate) -> None:
    gate.open("room")
    gate.room.set(lit=True)
    watch("room", EVERY_S)
    assert not woken(gate)


def test_nobody_is_disturbed_for_another_questions_answer(gate: Gate) -> None:
    """A person is asked because the lamp is dark; that it is cool says nothing of that."""
    opened(gate, "pantry")
    dark = settings.catalog(settings.config()).get("house/dark-room").runbook
    assert not recovered.tell(gate.room.journal, gate.room.incident, dark, "check_lamp_heat", "OK: It is cool.")
    assert not woken(gate)


def test_what_comes_and_goes_disturbs_nobody_at_every_round(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(gate, "porch")
    gate.room.set(lit=True)
    watch("porch", EVERY_S)
    assert woken(gate)
    gate.room.set(lit=False)
    question = gate.asked()
    assert "over" in question.refused
    gate.room.set(lit=True)
    watch("porch", EVERY_S)
    assert not woken(gate)
    monkeypatch.setattr("flows.opening.recovered.now", lambda: now() + AGAIN_AFTER + timedelta(seconds=1))
    watch("porch", EVERY_S)
    assert woken(gate)


def test_what_was_begun_is_no_more_a_watchs_affair(gate: Gate) -> None:
    opened(gate, "shed")
    waiting = open_question(gate.room.entries)
    assert waiting is not None
    approve(waiting)
    gate.execute()
    assert gate.room.entry(f"{STEP}/closed")["fate"] == "applied"
    entries = len(gate.room.entries)
    watch("shed", EVERY_S)
    assert len(gate.room.entries) == entries
