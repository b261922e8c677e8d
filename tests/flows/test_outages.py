"""What the run stands on goes away while it works: its database, its server, its right to act."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import httpx
import psycopg
import pytest

from deployments.programs import POSTGRES, PREFECT
from flows.journal import JournalUnavailable
from tests.deployments.processes import alive, wait_until
from tests.flows.house import PATIENCE_S, House

pytestmark = pytest.mark.strict("Servers are restarted under a whole stack; test_survival kills what is ours.")


def test_it_survives_a_restart_of_the_database_while_it_waits_and_a_crash_while_it_acts(house: House) -> None:
    house.open(hold="after switching on")
    question = house.question()
    house.stack.supervisor.restart(POSTGRES)
    wait_until(answering(lambda: house.state_name == "Suspended"), "the server is back", PATIENCE_S)
    house.answer(question)
    house.wait_for_lamp("at after switching on")
    executing = house.pids()
    _crash_database(house)
    wait_until(lambda: not alive(executing), "whoever lost the journal has ended in the middle of the act", PATIENCE_S)
    house.set(hold="")
    assert settled(house) == "fixed"
    assert (house.count("tried"), house.kinds().count("asked")) == (1, 1)


def test_it_goes_on_when_prefect_is_restarted_while_it_diagnoses_and_while_it_acts(house: House) -> None:
    house.open(hold="the thermometer")
    house.wait_for_lamp("at the thermometer")
    house.stack.supervisor.restart(PREFECT)
    house.set(hold="after switching on")
    house.answer(house.question())
    house.wait_for_lamp("at after switching on")
    house.stack.supervisor.restart(PREFECT)
    house.set(hold="")
    assert house.end() == "fixed"
    assert (house.count("tried"), house.kinds().count("finding")) == (1, 3)


def test_it_dies_when_it_is_woken_in_an_act_that_another_one_has_done(house: House) -> None:
    """A machine that was paused: its session was ended by the server, and it knows nothing of it."""
    house.open(hold="before switching on")
    house.answer(house.question())
    house.wait_for_lamp("at before switching on")
    frozen = house.pids()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    assert house.cut_journal() >= 1
    wait_until(lambda: house.count("tried") == 2, "another one acts", PATIENCE_S)
    house.set(hold="")
    house.wait_for("closed")
    recorded = house.entries
    house.set(hold="before switching on")
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not alive(frozen), "it has ended, held up as it is", PATIENCE_S)
    assert house.end() == "fixed"
    assert house.entries == recorded
    assert house.count("switched on") == 1


def settled(house: House) -> str:
    """The verdict, though the journal may still be coming back."""
    wait_until(answering(lambda: "closed" in house.kinds()), "closed", PATIENCE_S)
    return house.end()


def answering(ask: Callable[[], bool]) -> Callable[[], bool]:
    """`ask` of something that is just being restarted: no answer is a no."""

    def asked() -> bool:
        try:
            return ask()
        except (httpx.HTTPError, JournalUnavailable):
            return False

    return asked


def _crash_database(house: House) -> None:
    """Kill one of its processes: Postgres throws out everybody, and recovers from its log."""
    with psycopg.connect(house.database_url("postgres"), autocommit=True) as session:
        row = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'incident-journal' LIMIT 1"
        ).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGKILL)
