"""The dust on a lamp: specks that fall while people look. Each is `[id, moment, kind]`."""

from __future__ import annotations

from typing import Any

from lamp.system import Lamp

from tasks.bounded import Bounded, Bounds
from tasks.check import check
from tasks.model import BlastRadius, CannotLook, Command, Finding, NoWayBack, Outcome, Plan, Risk, Verdict


@check
def check_dust(lamp: Lamp) -> Finding:
    """Is there dust on the lamp?"""
    many = len(_specks(lamp))
    return Finding(verdict=Verdict.BAD if many else Verdict.OK, says=f"{many} specks lie on the lamp.", value=many)


class Sweep(Bounded):
    """Sweep the dust away."""

    undo = NoWayBack(loses="The dust.")

    def plan(self, lamp: Lamp) -> Plan:
        specks = _specks(lamp)
        kinds = {kind: [moment for _, moment, of in specks if of == kind] for _, _, kind in specks}
        bounds = [Bounds(of={"kind": kind}, until=max(at), most=len(at)) for kind, at in kinds.items()]
        return _plan(lamp, [_command(one) for one in bounds])

    def within(self, approved: Plan, lamp: Lamp) -> Plan:
        return _plan(lamp, [c for c in approved.commands if _meant(lamp, Bounds.of_command(c))])

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        for number, speck in enumerate(_all_meant(lamp, plan)):
            if number == lamp.state().get("breaks off after"):
                falling = lamp.state().get("falling", [])
                lamp.set(**{"breaks off after": None, "specks": [*_specks(lamp), *falling]})
                raise CannotLook("The broom broke.")
            lamp.set(specks=[one for one in _specks(lamp) if one != speck])
            lamp.happened(f"swept {speck[0]}")
        return Outcome(says="It was swept.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return not _all_meant(lamp, plan)


def _plan(lamp: Lamp, commands: list[Command]) -> Plan:
    touched = len({speck[0] for c in commands for speck in _meant(lamp, Bounds.of_command(c))})
    return Plan(
        does=f"Sweep {touched} specks away.",
        commands=tuple(commands),
        blast_radius=BlastRadius(touched=touched, total=len(_specks(lamp)), noun="specks"),
        risk=Risk.LOW,
        loses="The dust.",
        evidence=[{"specks": touched}],
        language="text",
    )


def _command(bounds: Bounds) -> Command:
    line = f"sweep {bounds.of['kind']} that fell until {bounds.until}, at most {bounds.most}"
    return Command(line=line, target=bounds.target)


def _specks(lamp: Lamp) -> list[Any]:
    return list(lamp.state().get("specks", []))


def _meant(lamp: Lamp, bounds: Bounds) -> list[Any]:
    fits = [speck for speck in _specks(lamp) if speck[2] == bounds.of["kind"] and speck[1] <= bounds.until]
    return sorted(fits, key=lambda speck: speck[1])[: bounds.most]


def _all_meant(lamp: Lamp, plan: Plan) -> list[Any]:
    return [speck for command in plan.commands for speck in _meant(lamp, Bounds.of_command(command))]
