"""Two incidents about the same system: one changes it, the other waits, and looks again before it acts."""

from __future__ import annotations

import threading
from dataclasses import replace

import psycopg
import pytest

from flows.case.question import open_question
from flows.journal import HeldLog, JournalUnavailable
from flows.journal.kinds import Note
from flows.run.trigger import trigger
from tests.deployments.processes import wait_until
from tests.flows.house import PATIENCE_S, House
from tests.flows.journal.conftest import Roles
from tests.flows.room import SLUG

STEP = "step/switch-the-lamp-on"


@pytest.mark.strict("Needs a whole stack; that a target is given to one at a time is asked of the journal below.")
def test_it_takes_turns_and_looks_again_before_it_acts(house: House) -> None:
    house.open(hold="before switching on")
    first = house
    second = replace(house, incident=str(trigger(SLUG, {"environment": "room", "reason": "It is dark here too."})))
    first.answer(first.question())
    first.wait_for_lamp("at before switching on")
    second.answer(second.question())
    wait_until(lambda: f"{STEP}/ask/1/answered" in [e.key for e in second.entries], "approved", PATIENCE_S)
    wait_until(lambda: bool(second.pids()), "executed", PATIENCE_S)
    assert "intent" not in second.kinds()
    assert open_question(second.entries) is None

    house.set(hold="")
    assert first.end() == "fixed"
    assert second.end() == "recovered by itself"
    assert second.entry(f"{STEP}/closed")["fate"] == "moot"
    assert house.count("switched on") == 1


def test_it_gives_each_target_to_one_at_a_time(roles: Roles) -> None:
    journal = roles.journal()
    with journal.hold("a") as a, journal.hold("b") as b:
        with a.turns(["site/postgres", "site/pool"], 1) as has:
            assert has
            with b.turns(["site/other"], 0) as also:
                assert also
            with b.turns(["site/postgres", "site/other"], 0) as both:
                assert not both
            with b.turns(["site/other"], 0) as also:
                assert also  # what was taken of both was given back
        with b.turns(["site/postgres"], 0) as now:
            assert now


def test_it_never_waits_crosswise(roles: Roles) -> None:
    journal, done = roles.journal(), []

    def run(incident: str, targets: list[str]) -> None:
        with journal.hold(incident) as log:
            for _ in range(5):
                with log.turns(targets, 30) as has:
                    done.append(has)

    threads = [
        threading.Thread(target=run, args=(name, targets)) for name, targets in (("a", ["x", "y"]), ("b", ["y", "x"]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == [True] * 10


def test_it_loses_its_turn_with_its_session(roles: Roles) -> None:
    journal = roles.journal()
    with journal.hold("a") as a, a.turns(["x"], 1), journal.hold("b") as b:
        cut(roles, a)
        with pytest.raises(JournalUnavailable):
            a.append("engine", "n", Note(says="", login="test"))
        with b.turns(["x"], 5) as has:
            assert has


def cut(roles: Roles, log: HeldLog) -> None:
    with psycopg.connect(roles.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [log._session.info.backend_pid])
