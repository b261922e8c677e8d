"""The lamp's current: cut at once when it sparks."""

from __future__ import annotations

from lamp.system import Lamp

from tasks.action import Action
from tasks.check import check
from tasks.mandate import Mandate
from tasks.model import BlastRadius, CannotLook, Command, Finding, Outcome, Plan, Risk, Verdict


def _plan(lamp: Lamp, verb: str) -> Plan:
    state = lamp.state()
    fuses = [] if state.get("current") == verb else state.get("fuses", ["main"])
    return Plan(
        does=f"Turn the current {verb}." if fuses else f"The current is {verb} already.",
        commands=tuple(Command(line=f"fuse {fuse} {verb}", target={"fuse": fuse}) for fuse in fuses),
        blast_radius=BlastRadius(touched=len(fuses), total=3, noun="fuses"),
        risk=Risk[state.get("risk", "LOW")],
        loses="Light, until somebody turns it on again.",
        language="sh",
    )


def _turn(lamp: Lamp, verb: str) -> Outcome:
    lamp.happened("tried to turn the current")
    if lamp.state().get("apply") == "breaks off":
        raise CannotLook("The cable was pulled.")
    if lamp.state().get("apply") != "does nothing":
        lamp.set(current=verb)
    lamp.happened(f"turned the current {verb}")
    return Outcome(says=f"The current is {verb}.", complete=True)


@check
def check_current_is_cut(lamp: Lamp) -> Finding:
    """Is the current cut?

    Only asked where it sparks.
    """
    lamp.happened("asked for the current")
    lamp.wait_at("the meter")
    cut = lamp.state().get("current") == "off"
    return Finding(verdict=Verdict.OK if cut else Verdict.BAD, says=f"The current is {'off' if cut else 'on'}.")


class CutCurrent(Action):
    """Cut the current."""

    mandate = Mandate(may="Turn one fuse off, and nothing else.")

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "off")

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        return _turn(lamp, "off")

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        state = lamp.state()
        return None if state.get("applied") == "cannot tell" else state.get("current") == "off"

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """The fuse can be turned on again."""
        return RestoreCurrent()


class RestoreCurrent(CutCurrent):
    """Turn the current on again."""

    mandate = None

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "on")

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        return _turn(lamp, "on")

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return lamp.state().get("current") == "on"

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """The fuse can be turned off again."""
        return CutCurrent()
