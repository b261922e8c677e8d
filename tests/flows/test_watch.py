"""A round of watches: all of one cadence at once, each opening its own runbook, once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import FlowRunSort

from flows.journal.holding import Snooze
from flows.watch import watch
from tests.flows.room import Room

EVERY_S = 300
RUNBOOKS = ("house/dark-room", "house/blown-fuse")


@pytest.fixture
def client(room: Room) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def place(room: Room, name: str, *lines: str) -> str:
    """An environment of this test alone, with the lamp in it, and these lines more."""
    system = f'[environments.{name}.systems.lamp]\nfile = "{room.lamp}"\n'
    with Path(os.environ["INCIDENT_CONFIG"]).open("a") as config:
        config.write("\n".join([f"\n[environments.{name}]", 'kind = "staging"', *lines, system]))
    return name


def deploy(client: SyncPrefectClient, *runbooks: str) -> None:
    flow = client.create_flow_from_name("incident")
    for slug in runbooks:
        client.create_deployment(flow_id=flow, name=slug.replace("/", "."), parameters={"runbook": slug})


def opened(client: SyncPrefectClient, environment: str) -> list[str]:
    """The runbooks that were opened there."""
    runs = client.read_flow_runs(limit=200, sort=FlowRunSort.EXPECTED_START_TIME_DESC)
    return sorted(str(run.parameters["runbook"]) for run in runs if _of_incident(run, environment))


def _of_incident(run: Any, environment: str) -> bool:
    return run.deployment_id is not None and run.parameters.get("environment") == environment


def round_of(environment: str, every_s: int = EVERY_S) -> State[Any]:
    state: State[Any] = watch(environment, every_s, return_state=True)
    return state


def test_it_asks_once_and_opens_each_runbook_that_watches_it_once(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    where = place(room, "attic")
    asked = room.count("asked")
    state = round_of(where)
    # Thirty questions about a database that this place does not have are not asked.
    assert state.message == "1 watched: 1 BAD."
    assert room.count("asked") == asked + 1
    assert opened(client, where) == sorted(RUNBOOKS)
    round_of(where)
    assert opened(client, where) == sorted(RUNBOOKS)


def test_it_opens_nothing_while_all_is_well(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    room.set(lit=True)
    where = place(room, "parlour")
    assert round_of(where).message == "1 watched: 1 OK."
    assert opened(client, where) == []


def test_it_is_not_green_while_it_cannot_look(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    room.set(lit=None)
    where = place(room, "porch")
    for _ in range(3):
        state = round_of(where)
        assert (state.is_failed(), state.name) == (True, "CannotLook")
        assert state.message == (
            "1 watched: 1 UNKNOWN.\ncheck_lamp_is_lit: It is too bright to see. Close the curtains."
        )
    assert opened(client, where) == []
    chain = f"blind/{where}/check_lamp_is_lit"
    assert [entry.kind for entry in room.journal.read(chain)] == ["could not look", "could not look", "trouble"]
    room.set(lit=True)
    assert round_of(where).is_completed()
    assert [entry.kind for entry in room.journal.read(chain)][-1] == "mended"


def test_it_leaves_out_what_is_paused_here(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    where = place(room, "cellar", 'paused_watches = ["house/dark-room/check_lamp_is_lit"]')
    round_of(where)
    assert opened(client, where) == ["house/blown-fuse"]
    both = ", ".join(f'"{slug}/check_lamp_is_lit"' for slug in RUNBOOKS)
    where = place(room, "barn", f"paused_watches = [{both}]")
    assert round_of(where).message == "Nothing to ask: paused here, or not configured."


def test_it_refuses_to_pause_what_is_not_watched(room: Room) -> None:
    where = place(room, "shed", 'paused_watches = ["house/dark-room/check_lamp_is_lid"]')
    state = round_of(where)
    assert state.is_failed()
    assert (
        "environments.shed.paused_watches: nothing is watched as 'house/dark-room/check_lamp_is_lid'. "
        "Did you mean 'house/dark-room/check_lamp_is_lit'?"
    ) in str(state.message)


def test_it_opens_the_others_when_one_cannot_be_opened(room: Room, client: SyncPrefectClient) -> None:
    """Their order is the catalog's, and the first of them was never published."""
    deploy(client, "house/dark-room")
    for found in client.read_deployments():
        if found.name == "house.blown-fuse":
            client.delete_deployment(found.id)
    where = place(room, "stable")
    state = round_of(where)
    assert state.is_failed()
    assert "check_lamp_is_lit: NotPublished: house/blown-fuse is not published" in str(state.message)
    assert opened(client, where) == ["house/dark-room"]


def test_it_refuses_a_cadence_of_nothing(room: Room) -> None:
    state: State[Any] = watch("room", 77, return_state=True)
    assert "Nothing is watched every 77 s. There are rounds every 60, 300, 600, 900, " in str(state.message)


FLICKER = "house/flicker"
FLICKERS_S = 600


def test_it_opens_only_what_settled(room: Room, client: SyncPrefectClient) -> None:
    """Two of the last three looks; what an incident asked meanwhile is no look."""
    deploy(client, FLICKER)
    where = place(room, "lantern")
    for heat, is_open in [(95, False), (20, False), (20, False), (95, False), (20, False), (95, True)]:
        room.set(heat=heat)
        round_of(where, FLICKERS_S)
        assert opened(client, where) == ([FLICKER] if is_open else []), heat


def test_an_incident_that_asks_often_settles_nothing(room: Room, client: SyncPrefectClient) -> None:
    from lamp.checks import check_lamp_heat

    deploy(client, FLICKER)
    where = place(room, "torch")
    room.set(heat=95)
    finding = check_lamp_heat.fn(_lamp(room))
    for _ in range(3):
        room.journal.measure(where, "another incident", {"check_lamp_heat": finding})
    round_of(where, FLICKERS_S)
    assert opened(client, where) == []


def _lamp(room: Room) -> Any:
    from flows.run import settings

    config = settings.config()
    return settings.environment(config, settings.catalog(config), "room").systems["lamp"]


@pytest.mark.parametrize(("hours", "is_open"), [("start = 00:00:00, hours = 23.99", False), (None, True)])
def test_it_opens_what_can_wait_only_outside_quiet_hours(
    room: Room, client: SyncPrefectClient, hours: str | None, is_open: bool
) -> None:
    deploy(client, *RUNBOOKS)
    said = (
        f"quiet_hours = {{ P2 = {{ {hours} }} }}"
        if hours
        else "quiet_hours = { P3 = { start = 00:00:00, hours = 23.99 } }"
    )
    where = place(room, f"bedroom-{is_open}".lower(), said)
    assert round_of(where).message == "1 watched: 1 BAD."
    # The blown fuse is no P2.
    assert ("house/dark-room" in opened(client, where)) is is_open


def test_it_refuses_quiet_hours_for_what_cannot_wait(room: Room) -> None:
    where = place(room, "den", "quiet_hours = { P0 = { start = 22:00:00, hours = 8 } }")
    state = round_of(where)
    assert state.is_failed()
    assert "environments.den.quiet_hours" in str(state.message)


def test_it_leaves_out_what_somebody_paused_for_a_while(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    where = place(room, "loft")
    pause = Snooze(
        fingerprint="watch:house/dark-room/check_lamp_is_lit", environment=where, actor="ana", reason="Guests."
    )
    room.journal.alerts.snooze(pause, 60)
    round_of(where)
    assert opened(client, where) == ["house/blown-fuse"]
    room.journal.alerts.snooze(pause, 0)
    round_of(where)
    assert "house/dark-room" in opened(client, where)
    elsewhere = place(room, "annex")
    room.journal.alerts.snooze(pause, 60)
    round_of(elsewhere)
    assert "house/dark-room" in opened(client, elsewhere)


def test_it_keeps_every_answer_as_a_look(room: Room, client: SyncPrefectClient) -> None:
    deploy(client, *RUNBOOKS)
    where = place(room, "gallery")
    for lit in (True, False, True):
        room.set(lit=lit)
        round_of(where)
    kept = room.journal.looks(where, ["check_lamp_is_lit", "check_nobody"], 2)
    assert {name: [look.verdict.name for look in looks] for name, looks in kept.items()} == {
        "check_lamp_is_lit": ["OK", "BAD"]
    }
