"""Bad luck, on the real server, worker and recoverer: whatever dies, each step is done once, or not at all."""

from __future__ import annotations

import os
import signal
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import AwaitingRetry, Cancelling

from deployments.programs import PREFECT, WORKER
from tests.deployments.processes import alive, wait_until
from tests.flows.house import PATIENCE_S, House

A_FURTHER_DEATH = pytest.mark.strict(
    "One more way to die or be stopped in a whole stack. The two around the act are always tried."
)


@A_FURTHER_DEATH
def test_it_does_not_ask_again_what_was_recorded_when_its_process_is_killed_while_diagnosing(house: House) -> None:
    house.open(hold="the thermometer")
    house.wait_for_lamp("at the thermometer")
    house.wait_for("diagnosis/check_lamp_is_lit")
    house.wait_for("diagnosis/check_lamp_answers")
    house.kill()
    house.set(hold="")
    house.answer(house.question())
    assert house.end() == "fixed"
    assert house.kinds().count("recovered") == 1
    assert house.kinds().count("finding") == 3
    assert house.count("at the thermometer") >= 2
    assert house.count("switched on") == 1


def test_it_does_the_step_when_killed_after_the_intent_and_before_the_act(house: House) -> None:
    house.open(hold="before switching on")
    house.answer(house.question())
    house.wait_for_lamp("at before switching on")
    house.kill()
    house.set(hold="")
    assert house.end() == "fixed"
    assert (house.count("tried"), house.count("switched on")) == (2, 1)
    assert house.kinds().count("asked") == 1


def test_it_does_not_do_the_step_again_when_killed_after_the_act_and_before_the_outcome(house: House) -> None:
    house.open(hold="after switching on")
    house.answer(house.question())
    house.wait_for_lamp("at after switching on")
    house.kill()
    house.set(hold="")
    assert house.end() == "fixed"
    assert house.count("tried") == house.count("switched on") == 1
    assert house.entry("step/switch-the-lamp-on/outcome")["says"] == "It had happened, as a look afterwards shows."


@A_FURTHER_DEATH
def test_it_is_found_when_its_worker_dies_with_it(house: House) -> None:
    """Prefect goes on saying Running: the free lock is the only sign."""
    house.open(hold="after switching on")
    house.answer(house.question())
    house.wait_for_lamp("at after switching on")
    house.kill(WORKER)
    assert house.state_name == "Running"
    house.set(hold="")
    assert house.end() == "fixed"
    assert house.kinds().count("recovered") == 1
    assert house.count("tried") == 1


@A_FURTHER_DEATH
def test_it_goes_on_when_only_its_worker_dies(house: House) -> None:
    house.open(hold="after switching on")
    house.answer(house.question())
    house.wait_for_lamp("at after switching on")
    executing = house.pids()
    worker = house.stack.supervisor.pids()[WORKER]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not alive([worker]), "the worker is dead")
    house.set(hold="")
    assert house.end() == "fixed"
    assert house.count("tried") == 1
    assert executing


@A_FURTHER_DEATH
def test_it_is_not_doubled_when_prefect_believes_it_dead(house: House) -> None:
    house.open(hold="after switching on")
    house.answer(house.question())
    house.wait_for_lamp("at after switching on")
    first = house.pids()
    house.force(AwaitingRetry())
    wait_until(lambda: house.pids() - first, "a second process starts", PATIENCE_S)
    wait_until(lambda: house.pids() == first, "the second process steps back", PATIENCE_S)
    assert house.kinds().count("intent") == 1
    house.set(hold="")
    assert house.end() == "fixed"
    assert house.count("tried") == 1
    house.wait_for_state("Fixed")


@A_FURTHER_DEATH
def test_it_takes_an_answer_that_was_given_while_the_worker_was_dead_and_the_server_restarted(house: House) -> None:
    house.open()
    question = house.question()
    house.stack.supervisor.restart(PREFECT)
    os.kill(house.stack.supervisor.pids()[WORKER], signal.SIGKILL)
    wait_until(lambda: _answers(house), "the server is back", PATIENCE_S)
    house.answer(question)
    assert house.end() == "fixed"
    assert house.kinds().count("asked") == 1


def _answers(house: House) -> bool:
    import httpx

    try:
        return house.state_name == "Suspended"
    except httpx.HTTPError:
        return False


def test_it_ends_in_the_act_when_the_journal_is_cut_off_so_that_nobody_acts_beside_it(house: House) -> None:
    house.open(hold="before switching on")
    house.answer(house.question())
    house.wait_for_lamp("at before switching on")
    executing = house.pids()
    assert house.cut_journal() >= 1
    wait_until(lambda: not alive(executing), "it has ended, held up as it is", PATIENCE_S)
    wait_until(lambda: house.count("tried") == 2, "another one acts", PATIENCE_S)
    house.set(hold="")
    assert house.end() == "fixed"
    assert house.count("switched on") == 1
    assert "recovered" in house.kinds()


@A_FURTHER_DEATH
def test_it_does_nothing_further_when_cancelled_at_its_gate(house: House) -> None:
    house.open()
    house.question()
    _cancel(house)
    assert house.end() == "cancelled"
    assert house.count("tried") == 0


@A_FURTHER_DEATH
def test_it_says_what_was_half_done_when_cancelled_in_the_act(house: House) -> None:
    house.open(hold="before switching on")
    house.answer(house.question())
    house.wait_for_lamp("at before switching on")
    _cancel(house)
    assert house.end() == "cancelled"
    house.set(hold="")
    assert house.count("switched on") == 0
    assert "“Switch the lamp on” was begun, and nobody looked" in house.entry("closed")["says"]


@A_FURTHER_DEATH
def test_it_is_closed_when_cancelled_while_nobody_can_stop_it(house: House) -> None:
    house.open(hold="the thermometer")
    house.wait_for_lamp("at the thermometer")
    house.stack.supervisor.stop(WORKER)
    house.kill()
    _cancel(house)
    assert house.end() == "cancelled"
    house.stack.supervisor.start(WORKER)
    assert house.state_name == "Cancelled"


def _cancel(house: House) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(house.id, Cancelling())


@A_FURTHER_DEATH
def test_it_is_abandoned_when_its_run_is_deleted(house: House) -> None:
    house.open()
    house.question()
    with get_client(sync_client=True) as client:
        client.delete_flow_run(house.id)
    assert house.end() == "abandoned"
    assert house.count("tried") == 0


@A_FURTHER_DEATH
def test_it_is_left_halfway_when_nobody_can_go_on_with_what_was_begun(house: House) -> None:
    house.open(hold="before switching on")
    house.answer(house.question())
    house.wait_for_lamp("at before switching on")
    with get_client(sync_client=True) as client:
        client.delete_flow_run(house.id)
    house.kill()
    # All on the ladder hear of that verdict, not on-call alone (test_halfway.py).
    assert house.end() == "left halfway"
    assert "“Switch the lamp on” was begun, and nobody looked" in house.entry("closed")["says"]


@A_FURTHER_DEATH
def test_it_begins_although_its_process_died_before_it_began(house: House) -> None:
    house.open()
    wait_until(house.pids, "its process starts", PATIENCE_S)
    house.kill()
    assert not house.entries
    house.answer(house.question(), "reject")
    assert house.end() == "unchanged"


@A_FURTHER_DEATH
@pytest.mark.parametrize("moment", ["the gate"])
def test_it_does_nothing_when_nobody_answers_in_time(house: House, moment: str) -> None:
    house.open(environment="hasty")
    assert house.end() == "unchanged"
    assert house.entry("step/switch-the-lamp-on/closed")["fate"] == "expired"
    assert house.count("tried") == 0
    assert isinstance(house.id, UUID)
