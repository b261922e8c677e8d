"""What can be done to a lamp."""

from __future__ import annotations

import os
import signal
import time

from lamp.system import Lamp

from tasks.action import Action
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Risk


def _plan(lamp: Lamp, verb: str, risk: Risk, loses: str) -> Plan:
    bulbs = lamp.state().get("bulbs", ["a"])
    return Plan(
        does=f"Switch {verb} {len(bulbs)} bulbs.",
        commands=tuple(Command(line=f"lamp {verb} {bulb}", target={"bulb": bulb}) for bulb in bulbs),
        blast_radius=BlastRadius(touched=len(bulbs), total=3, noun="bulbs"),
        risk=risk,
        loses=loses,
    )


class SwitchOn(Action):
    """Switch the lamp on."""

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "on", Risk.MODERATE, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        state = lamp.state()
        trouble = state.get("apply")
        lamp.set(switched=state.get("switched", 0) + 1)
        if trouble == "dies before":
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "breaks off once":
            lamp.set(apply="", lit=False)
            raise CannotLook("The cable was pulled.")
        if trouble == "breaks off":
            raise CannotLook("The cable was pulled.")
        lamp.set(lit=trouble != "does nothing")
        if trouble == "dies after":
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "slow":
            time.sleep(2)
        return Outcome(says="The lamp was switched on.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        state = lamp.state()
        return None if state.get("applied") == "cannot tell" else bool(state["lit"])

    def undo(self, plan: Plan) -> Action:
        """The lamp can be switched off again."""
        return SwitchOff()


class SwitchOff(Action):
    """Switch the lamp off."""

    undo = NoWayBack(loses="Nothing; switch it on again.")

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "off", Risk.LOW, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(lit=False, undone=True)
        return Outcome(says="The lamp was switched off.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return not lamp.state()["lit"]


class ReplaceWiring(Action):
    """Replace the wiring."""

    undo = NoWayBack(loses="The old wiring.")

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "rewire", Risk.HIGH, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(lit=True, rewired=True)
        return Outcome(says="The wiring is new.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return bool(lamp.state().get("rewired"))
