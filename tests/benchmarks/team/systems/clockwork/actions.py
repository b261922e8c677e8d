"""What a clockwork's runbook asks a person for; nobody approves it."""

from __future__ import annotations

from clockwork.system import Clockwork

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk


class Wind(Action):
    """Wind it up."""

    undo = NoWayBack(loses="Nothing; it runs down by itself.")

    def plan(self, clockwork: Clockwork) -> Plan:
        return Plan(
            does="Wind it up.",
            commands=(Command(line="wind", target={"spring": "main"}),),
            blast_radius=BlastRadius(touched=1, total=1, noun="springs"),
            risk=Risk.LOW,
            loses=self.way_back,
        )

    def apply(self, clockwork: Clockwork, plan: Plan) -> Outcome:
        return Outcome(says="It is wound up.", complete=True)

    def applied(self, clockwork: Clockwork, plan: Plan) -> bool | None:
        return False
