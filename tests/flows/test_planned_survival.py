"""Planned work on the real server, worker and recoverer: killed, moved and begun by hand."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.run.trigger import trigger
from runbooks.model import Declared
from runbooks.playbook import Maintenance, Playbook
from tests.flows.house import House
from tests.flows.room import MAINTENANCE, PLAYBOOK

pytestmark = pytest.mark.strict("What test_survival proves for incidents, for playbooks and maintenance.")


def begin(house: House, slug: str, kind: type[Declared], environment: str = "room", **more: Any) -> None:
    house.incident = str(trigger(slug, {"environment": environment, **more}, kind=kind))


def lamp(house: House, **state: object) -> None:
    house.lamp.unlink(missing_ok=True)
    house.lamp.with_suffix(".log").unlink(missing_ok=True)
    house.set(lit=False, **state)


def test_a_playbook_goes_on_where_it_was_when_its_process_is_killed(house: House) -> None:
    lamp(house, hold="after fitting")
    begin(house, PLAYBOOK, Playbook, parameters={"bulb": "left"})
    house.answer(house.question(1))
    house.answer(house.question(2))
    house.wait_for_lamp("at after fitting")
    house.kill()
    house.set(hold="")
    house.answer(house.question(3))
    assert house.end() == "done"
    assert house.kinds().count("finding") == 1
    assert house.state()["fitted"] == "left"
    assert house.entry("opened")["parameters"] == {"bulb": "left", "colour": "warm"}


def test_a_playbook_keeps_what_it_began_with_when_its_parameters_are_edited(house: House) -> None:
    lamp(house)
    begin(house, PLAYBOOK, Playbook, parameters={"bulb": "left"})
    house.answer(house.question(1))
    question = house.question(2)
    _edit(house, parameters={"bulb": "right"})
    house.answer(question)
    house.question(3)
    assert house.state()["fitted"] == "left"
    _edit(house, environment="hasty")
    house.answer(house.question(3))
    assert house.end() == "abandoned"
    assert house.entry("closed")["says"] == (
        "It began as house/new-bulb in room; its parameters were changed in Prefect since."
    )
    assert house.count("tried") == 0


def _edit(house: House, **parameters: Any) -> None:
    """What anyone who reaches Prefect's API can do to a run."""
    with get_client(sync_client=True) as client:
        was = client.read_flow_run(house.id).parameters
        edited = {"parameters": {**was, **parameters}}
        client.request("PATCH", "/flow_runs/{id}", path_params={"id": house.id}, json=edited)
        assert client.read_flow_run(house.id).parameters == edited["parameters"]


def test_a_maintenance_begun_by_hand_waits_at_the_gate_and_is_killed_there(house: House) -> None:
    lamp(house, dusty=[])
    begin(house, MAINTENANCE, Maintenance)
    question = house.question()
    assert question.title == "Switch the lamp on"
    house.kill()
    house.answer(question)
    assert house.end() == "done"
    assert house.count("switched on") == 1
    assert house.entry("opened")["scheduled"] is False
