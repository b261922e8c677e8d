from __future__ import annotations

from typing import Any

import pytest

from tasks.action import Action, InvalidAction
from tasks.mandate import Mandate
from tasks.model import BlastRadius, Command, NoWayBack, Plan, Refused, Risk

STOP = Mandate(may="Turn the stop on.")


def plan(commands: int = 1, risk: Risk = Risk.LOW, people: int = 1) -> Plan:
    return Plan(
        does="Stop.",
        commands=tuple(Command(line=f"stop {n}", target={"n": n}) for n in range(commands)),
        blast_radius=BlastRadius(touched=commands, total=9, noun="switches"),
        risk=risk,
        loses="Nothing.",
        people=people,
    )


@pytest.mark.parametrize("within", [plan(), plan(0)])
def test_it_lets_through_what_it_allows(within: Plan) -> None:
    STOP.refuse_beyond(within)


@pytest.mark.parametrize(
    ("beyond", "says"),
    [
        (plan(commands=2), "2 commands"),
        (plan(risk=Risk.MODERATE), "moderate risk"),
        (plan(commands=3, risk=Risk.HIGH, people=2), "3 commands, high risk, 2 approvals"),
    ],
)
def test_it_refuses_more_and_says_what_it_allows(beyond: Plan, says: str) -> None:
    with pytest.raises(Refused, match=f"Nobody has looked yet, and this would take {says}. Unseen it may: Turn the"):
        STOP.refuse_beyond(beyond)


@pytest.mark.parametrize("wrong", [{"may": " "}, {"may": "Stop.", "commands": 0}])
def test_it_says_what_it_allows_and_allows_something(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Mandate: say in `may`"):
        Mandate(**wrong)


def test_what_is_done_unseen_has_a_way_back() -> None:
    with pytest.raises(InvalidAction, match="has a `mandate`, and no way back"):

        class Burn(Action):
            """Burn it."""

            mandate = STOP
            undo = NoWayBack(loses="All.")

            def plan(self) -> Any: ...
            def apply(self, plan: Any) -> Any: ...
            def applied(self, plan: Any) -> Any: ...
