"""What is done to a lamp in good time."""

from __future__ import annotations

from lamp.system import Lamp

from tasks import deadline
from tasks.action import Action
from tasks.fault import Fault
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk


def _plan(does: str, lines: dict[str, str], risk: Risk, loses: str) -> Plan:
    """`lines` are the commands by target."""
    return Plan(
        does=does,
        commands=tuple(Command(line=line, target={"name": name}) for name, line in lines.items()),
        blast_radius=BlastRadius(touched=len(lines), total=9, noun="parts"),
        risk=risk,
        loses=loses,
    )


class FitBulb(Action):
    """Fit the bulb."""

    def plan(self, lamp: Lamp, bulb: str, colour: str) -> Plan:
        lines = {} if lamp.state().get("fitted") == bulb else {bulb: f"lamp fit {bulb} --colour {colour}"}
        return _plan(f"Fit the {colour} bulb {bulb}.", lines, Risk.MODERATE, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan, bulb: str) -> Outcome:
        lamp.happened(f"fitted {bulb}")
        lamp.wait_at("after fitting")
        if lamp.state().get("fit") == "half":
            return Outcome(says="It is in, but it is loose.", complete=False)
        if lamp.state().get("fit") == "too large":
            return Outcome(says="It does not go in.", complete=False)
        lamp.set(fitted=bulb)
        return Outcome(says="It is in.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan, bulb: str) -> bool | None:
        return bool(lamp.state().get("fitted") == bulb)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """The bulb can be taken out again."""
        return TakeOutBulb()


class TakeOutBulb(Action):
    """Take the bulb out."""

    undo = NoWayBack(loses="Nothing; fit it again.")

    def plan(self, lamp: Lamp, bulb: str) -> Plan:
        if lamp.state().get("fit") == "too large":
            return _plan(f"{bulb} never went in.", {}, Risk.LOW, self.way_back)
        return _plan(f"Take out {bulb}.", {bulb: f"lamp take-out {bulb}"}, Risk.LOW, self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(fitted=None)
        lamp.happened("taken out")
        return Outcome(says="It is out.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return lamp.state().get("fitted") is None


class DustShades(Action):
    """Dust the shades."""

    undo = NoWayBack(loses="The dust.")

    def plan(self, lamp: Lamp) -> Plan:
        state = lamp.state()
        lines = {shade: f"lamp dust {shade}" for shade in state.get("dusty", [])}
        return _plan(f"Dust {len(lines)} shades.", lines, Risk[state.get("dust_risk", "LOW")], self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        for n, command in enumerate(plan.commands):
            if deadline.is_over():
                return Outcome(says=f"{n} of {len(plan.commands)} shades were dusted in time.", complete=False)
            name = str(command.target["name"])
            lamp.set(dusty=[shade for shade in lamp.state()["dusty"] if shade != name])
            lamp.happened(f"dusted {name}")
            lamp.wait_at("after dusting")
        return Outcome(says="All shades are clean.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return not lamp.state().get("dusty")


class LetDustFall(Fault):
    """Let dust fall on the shades."""

    def cause(self, lamp: Lamp) -> Lamp:
        lamp.set(dusty=["left", "right"])
        return lamp

    def cure(self, trouble: Lamp) -> None:
        trouble.set(dusty=[])
