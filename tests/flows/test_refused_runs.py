"""Runs with wrong parameters fail with a sentence and open nothing; watches open one incident, however many see it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.incident import incident
from flows.journal import Asked
from flows.opening.door import open_once
from tests.flows.room import SLUG, Room

OVERRIDE = """
[environments.room.thresholds.check_lamp_heet.heat]
warn = 1
bad = 2
because = "A slip of the pen."
"""


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"runbook": "house/dark-rom", "environment": "room"}, "house/dark-room"),
        ({"runbook": SLUG, "environment": "rom"}, "no environment 'rom'"),
        ({"runbook": SLUG, "environment": "room", "severity": "P9"}, "severity"),
    ],
)
def test_it_says_what_is_wrong_and_opens_nothing(room: Room, parameters: dict[str, Any], sentence: str) -> None:
    state = incident(**parameters, return_state=True)
    assert state.is_failed()
    assert sentence in str(state.message)
    assert room.journal.read(str(state.state_details.flow_run_id)) == ()


def test_it_refuses_a_limit_that_no_check_has(room: Room) -> None:
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write(OVERRIDE)
    state = incident(SLUG, "room", return_state=True)
    assert "thresholds.check_lamp_heet: no runbook asks check_lamp_heet. Did you mean 'check_lamp_heat'?" in str(
        state.message
    )


@pytest.mark.parametrize(
    ("name", "more"),
    [("ana@example.com", "mask_emails = true"), ("ghp_0123456789abcdefghij0123456789abcdef", "")],
)
def test_it_refuses_an_approver_who_would_be_masked_in_the_record(room: Room, name: str, more: str) -> None:
    """Two people who look alike there count as one, or one as two."""
    config = Path(os.environ["INCIDENT_CONFIG"])
    place = "[environments.room]\n"
    people = f'\n[environments.room.approvers."{name}"]\nroles = ["senior"]\n'
    config.write_text(config.read_text().replace(place, f"{place}{more}\n") + people)
    state = incident(SLUG, "room", return_state=True)
    assert f"approver {name!r} of room would be masked in the record" in str(state.message)
    assert room.journal.read(str(state.state_details.flow_run_id)) == ()


def test_it_opens_one_incident_when_two_watches_see_it_at_once(room: Room) -> None:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("incident")
        client.create_deployment(flow_id=flow, name=SLUG.replace("/", "."), entrypoint="flows.incident.incident")
    ready, opened = threading.Barrier(2), []

    def see() -> None:
        ready.wait()
        opened.append(
            open_once(room.journal, Asked(runbook=SLUG, environment="at once", actor="watch", reason="It is dark."))
        )

    threads = [threading.Thread(target=see) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 2
    assert len(set(opened)) == 1
