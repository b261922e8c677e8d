"""What can be done to a lamp."""

from __future__ import annotations

from lamp.system import Lamp

from tasks.action import Action
from tasks.how_far import Progress, watched
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Risk


def _plan(lamp: Lamp, verb: str, risk: Risk, loses: str, only: tuple[str, ...] = ()) -> Plan:
    bulbs = only or lamp.state().get("bulbs", ["a"])
    return Plan(
        does=f"Switch {verb} {len(bulbs)} bulbs.",
        commands=tuple(Command(line=f"lamp {verb} {bulb}", target={"bulb": bulb}) for bulb in bulbs),
        blast_radius=BlastRadius(touched=len(bulbs), total=lamp.state().get("bulbs in all", 3), noun="bulbs"),
        risk=risk,
        loses=loses,
        evidence=[{"label": lamp.state().get("label", "")}],
        language="sh",
    )


def _warming(lamp: Lamp) -> Progress | None:
    """A lamp that has to warm up says how far it is, and may then be switched on."""
    shares = lamp.state().get("warm", [])
    if not shares:
        return None
    lamp.set(warm=shares[1:], **({} if shares[1:] else {"hold": ""}))
    return Progress(says=f"{shares[0]:.0%} warm", share=shares[0])


class SwitchOn(Action):
    """Switch the lamp on."""

    def plan(self, lamp: Lamp) -> Plan:
        if lamp.state().get("plan") == "explodes":
            raise ZeroDivisionError("no current")
        return _plan(lamp, "on", Risk.MODERATE, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        trouble = lamp.state().get("apply")
        lamp.happened("tried")
        with watched(lambda: _warming(lamp)):
            lamp.wait_at("before switching on")
        if trouble in ("breaks off once", "explodes once"):
            bulbs = lamp.state().get("bulbs after it")
            lamp.set(**({"apply": "does nothing", "bulbs": bulbs} if bulbs else {"apply": ""}))
        if trouble in ("breaks off", "breaks off once"):
            raise CannotLook("The cable was pulled.")
        if trouble == "explodes once":
            raise ZeroDivisionError(f"no current{lamp.state().get('label', '')}")
        if trouble == "half":
            first, *rest = [command.target for command in plan.commands]
            lamp.happened("switched on")
            return Outcome(
                says=f"{first['bulb']} is on, the others have no current.",
                complete=False,
                rows=[{"bulb": first["bulb"], "wire": f"wire of {first['bulb']}"}],
                not_done=rest,
            )
        lamp.set(lit=trouble != "does nothing")
        lamp.happened("switched on")
        lamp.wait_at("after switching on")
        label = str(lamp.state().get("label", ""))
        return Outcome(
            says=f"The lamp was switched on.{label}", complete=True, rows=[{"label": label}] if label else []
        )

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        state = lamp.state()
        for command in plan.commands:
            lamp.happened(f"looked for {command.target['bulb']}")
        return None if state.get("applied") == "cannot tell" else bool(state["lit"])

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """The bulbs can be switched off again."""
        bulbs = tuple(str(command.target["bulb"]) for command in plan.commands)
        return SwitchOff(bulbs, wires=tuple(str(row["wire"]) for row in outcome.rows if "wire" in row))


class SwitchOff(Action):
    """Switch the lamp off."""

    undo = NoWayBack(loses="Nothing; switch it on again.")

    def __init__(self, bulbs: tuple[str, ...] = (), wires: tuple[str, ...] = ()) -> None:
        self.bulbs = bulbs
        self.wires = wires

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "off", Risk.LOW, self.way_back, self.bulbs)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        trouble = lamp.state().get("switch")
        lamp.happened("tried to switch off")
        if trouble == "breaks off":
            raise CannotLook("The switch came off.")
        if trouble == "explodes":
            raise ZeroDivisionError("no switch")
        if trouble == "half":
            return Outcome(says="One of two wires is loose.", complete=False)
        lamp.set(lit=False)
        lamp.happened("switched off")
        for bulb in self.bulbs:
            lamp.happened(f"switched off {bulb}")
        for wire in self.wires:
            lamp.happened(f"took out {wire}")
        return Outcome(says="The lamp was switched off.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        state = lamp.state()
        return None if state.get("applied") == "cannot tell" else not state["lit"]


class ReplaceWiring(Action):
    """Replace the wiring."""

    undo = NoWayBack(loses="The old wiring.")

    def plan(self, lamp: Lamp) -> Plan:
        return _plan(lamp, "rewire", Risk.HIGH, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(lit=True, rewired=True)
        lamp.happened("rewired")
        return Outcome(says="The wiring is new.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return bool(lamp.state().get("rewired"))
