from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar

import pytest

from flows.case.bodies import outcome_body, outcome_from, plan_body, plan_from
from tasks.action import Action, InvalidAction
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, canonical
from tasks.system import System

PLAN = Plan(
    does="Open it.",
    commands=tuple(Command(line=name, target={"coin": name}) for name in "ab"),
    blast_radius=BlastRadius(touched=2, total=2, noun="coins"),
    risk=Risk.LOW,
    loses="",
)
DONE = Outcome(says="It is open.", complete=True)


class Till(System):
    kind: ClassVar[str] = "test-action-till"
    config_lines: ClassVar[str] = ""


class Verbs(Action):
    """The three verbs, for the actions of this file to inherit."""

    undo: ClassVar[NoWayBack | Callable[..., Action]] = NoWayBack(loses="The coins.")

    def plan(self, till: Till) -> Plan:
        return PLAN

    def apply(self, till: Till, plan: Plan) -> Outcome:
        return Outcome(says="", complete=True)

    def applied(self, till: Till, plan: Plan) -> bool:
        return True


class CloseTill(Verbs):
    """Close the till."""

    def __init__(self, of: Plan) -> None:
        self.of = of


class OpenTill(Verbs):
    """Open the till.

    The cashier notices.
    Customers do not.
    """

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Closes the till again."""
        return CloseTill(plan)


def test_it_takes_its_title_from_the_docstring() -> None:
    assert (OpenTill().name, OpenTill().title) == ("OpenTill", "Open the till")
    assert OpenTill().notes == "The cashier notices.\nCustomers do not."
    assert CloseTill(PLAN).notes == ""


def test_it_names_the_systems_of_its_plan() -> None:
    assert OpenTill().systems == {"till": Till}


def test_it_says_what_is_lost_when_there_is_no_way_back() -> None:
    action = CloseTill(PLAN)
    assert action.way_back == "No way back. The coins."
    assert action.undoing(PLAN, DONE) is None


def test_it_turns_the_plan_into_the_action_that_takes_it_back() -> None:
    action = OpenTill()
    assert action.way_back == "Closes the till again."
    assert isinstance(action.undoing(PLAN, DONE), CloseTill)


@pytest.mark.parametrize(("not_done", "undone"), [(["b"], ["a"]), ([], ["a", "b"]), (["c"], ["a", "b"])])
def test_it_takes_back_what_was_done_and_no_more(not_done: list[str], undone: list[str]) -> None:
    outcome = Outcome(says="Half.", complete=False, not_done=[{"coin": name} for name in not_done])
    plan = plan_from(dict(plan_body(PLAN)))
    undo = OpenTill().undoing(plan, outcome_from(json.loads(canonical(outcome_body(outcome)))))
    assert isinstance(undo, CloseTill)
    assert [command.line for command in undo.of.commands] == undone


def test_it_takes_nothing_back_where_nothing_was_done() -> None:
    outcome = Outcome(says="No.", complete=False, not_done=[command.target for command in PLAN.commands])
    assert OpenTill().undoing(PLAN, outcome) is None


def test_it_reads_an_outcome_of_an_older_release() -> None:
    old = {"says": "It is open.", "complete": True, "rows": [{"coin": "a"}]}
    assert outcome_from(old) == Outcome(says="It is open.", complete=True, rows=({"coin": "a"},))


def test_it_refuses_an_undo_that_would_not_hear_what_was_done() -> None:
    def undo(self: Action, plan: Plan) -> Action:
        """Closes it."""
        return self

    with pytest.raises(InvalidAction) as refused:
        type("Deaf", (Verbs,), {"__module__": "crm.actions", "__doc__": "End it.", "undo": undo})
    assert str(refused.value) == (
        "crm.actions.Deaf.undo: it gets the plan and what became of it. Write "
        "`def undo(self, plan: Plan, outcome: Outcome) -> Action`."
    )


def test_it_refuses_an_action_without_a_title() -> None:
    with pytest.raises(InvalidAction) as refused:
        type("Nameless", (Verbs,), {"__module__": "crm.actions"})
    assert str(refused.value) == (
        "crm.actions.Nameless: the docstring's first line is the step's title; write an order, 'End …'."
    )


def test_it_refuses_an_action_without_a_way_back() -> None:
    with pytest.raises(InvalidAction) as refused:
        type("OneWay", (Action,), {"__module__": "crm.actions", "__doc__": "End it."})
    assert str(refused.value) == (
        "crm.actions.OneWay: no way back is declared. Add `undo = NoWayBack(loses=…)` or a method `undo`."
    )


def test_it_refuses_a_way_back_that_nobody_can_read() -> None:
    with pytest.raises(InvalidAction) as refused:
        type("Mute", (Verbs,), {"__module__": "crm.actions", "__doc__": "End it.", "undo": lambda self, plan: self})
    assert str(refused.value) == (
        "crm.actions.Mute.undo: the docstring's first line is what a person reads about taking it back; add one."
    )


def test_it_cannot_be_made_without_its_verbs() -> None:
    half = type("Half", (Action,), {"__doc__": "End it.", "undo": NoWayBack(loses="All.")})
    with pytest.raises(TypeError, match="abstract"):
        half()
