from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from tasks.action import Action, InvalidAction
from tasks.model import BlastRadius, NoWayBack, Outcome, Plan, Risk
from tasks.system import System


class Till(System):
    kind: ClassVar[str] = "test-action-till"
    config_lines: ClassVar[str] = ""


class Verbs(Action):
    """The three verbs, for the actions of this file to inherit."""

    undo: ClassVar[NoWayBack | Callable[..., Action]] = NoWayBack(loses="The coins.")

    def plan(self, till: Till) -> Plan:
        radius = BlastRadius(touched=0, total=0, noun="coins")
        return Plan(does="", commands=(), blast_radius=radius, risk=Risk.LOW, loses="")

    def apply(self, till: Till, plan: Plan) -> Outcome:
        return Outcome(says="", complete=True)

    def applied(self, till: Till, plan: Plan) -> bool:
        return True


class CloseTill(Verbs):
    """Close the till."""


class OpenTill(Verbs):
    """Open the till.

    The cashier notices.
    Customers do not.
    """

    def undo(self, plan: Plan) -> Action:
        """Closes the till again."""
        return CloseTill()


def test_it_takes_its_title_from_the_docstring() -> None:
    assert (OpenTill().name, OpenTill().title) == ("OpenTill", "Open the till")
    assert OpenTill().notes == "The cashier notices.\nCustomers do not."
    assert CloseTill().notes == ""


def test_it_names_the_systems_of_its_plan() -> None:
    assert OpenTill().systems == {"till": Till}


def test_it_says_what_is_lost_when_there_is_no_way_back() -> None:
    action = CloseTill()
    assert action.way_back == "No way back. The coins."
    assert action.undoing(action.plan(Till())) is None


def test_it_turns_the_plan_into_the_action_that_takes_it_back() -> None:
    action = OpenTill()
    assert action.way_back == "Closes the till again."
    assert isinstance(action.undoing(action.plan(Till())), CloseTill)


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
