"""Who alerted says that it is over: the incident that waits looks again, and closes only if it is so."""

from __future__ import annotations

from flows.gate.settle import LOOKED_AT_LATER, STILL_THERE
from flows.journal import kinds
from flows.run.trigger import wake
from tests.flows.gate.test_gate import Gate, approve, gate

__all__ = ["gate"]


AFTER = ["refused", "look", "step", "look", "verifying", "verified", "closed"]


def told_over(gate: Gate, number: int = 1) -> None:
    key = f"alert-resolved/{number}"
    gate.room.journal.note(gate.room.incident, "alert:sentry", key, kinds.AlertResolved(says="sentry: it is over"))
    assert wake(gate.room.incident)


def test_it_closes_as_recovered_after_verification_where_the_fault_is_gone(gate: Gate) -> None:
    gate.open()
    gate.room.set(lit=True)
    told_over(gate)
    gate.execute()
    assert gate.state == "RecoveredByItself"
    assert gate.room.count("tried") == 0
    lived = [entry.kind for entry in gate.room.entries if entry.kind != "manual"]
    told = kinds.AlertResolved.kind
    assert lived[lived.index(told) :] == [told, *AFTER]


def test_it_goes_on_asking_where_the_fault_is_still_there_and_an_answer_counts_as_ever(gate: Gate) -> None:
    first = gate.open()
    told_over(gate)
    again = gate.asked()
    assert again.key != first.key
    assert again.refused == STILL_THERE
    assert not gate.room.state()["lit"]
    approve(again)
    gate.execute()
    assert gate.state == "Fixed"


def test_a_second_person_is_not_told_that_it_was_looked_at(gate: Gate) -> None:
    approve(gate.open("careful"))
    gate.asked()
    told_over(gate)
    assert gate.asked().refused == LOOKED_AT_LATER


def test_what_is_not_suspended_is_not_woken(gate: Gate) -> None:
    gate.trigger()
    assert not wake(gate.room.incident)
    assert gate.state == "Scheduled"
    assert not wake("00000000-0000-0000-0000-000000000000")
