"""Moths: they come because of the dust, and go with it."""

from __future__ import annotations

from lamp.system import Lamp

from tasks.action import Action
from tasks.check import check
from tasks.model import BlastRadius, Command, Finding, NoWayBack, Outcome, Plan, Risk, Verdict


@check
def check_moths(lamp: Lamp) -> Finding:
    """Do moths sit on the lamp?"""
    many = lamp.state().get("moths", 0)
    return Finding(verdict=Verdict.BAD if many else Verdict.OK, says=f"{many} moths sit on the lamp.", value=many)


class Shoo(Action):
    """Shoo the moths away."""

    undo = NoWayBack(loses="The moths.")

    def plan(self, lamp: Lamp) -> Plan:
        many = lamp.state().get("moths", 0)
        return Plan(
            does=f"Shoo {many} moths away.",
            commands=(Command(line="shoo", target={"moths": "all"}),),
            blast_radius=BlastRadius(touched=many, total=many, noun="moths"),
            risk=Risk.LOW,
            loses="The moths.",
            language="text",
        )

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(moths=0)
        lamp.happened("shooed")
        return Outcome(says="They are gone.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return not lamp.state().get("moths", 0)
