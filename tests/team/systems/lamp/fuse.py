"""The fuse before the lamp: a second thing that breaks, and is mended on its own."""

from __future__ import annotations

from lamp.system import Lamp

from tasks.action import Action
from tasks.check import check
from tasks.model import BlastRadius, Command, Finding, NoWayBack, Outcome, Plan, Risk, Verdict


@check
def check_fuse_is_whole(lamp: Lamp) -> Finding:
    """Is the fuse whole?"""
    whole = lamp.state().get("fuse") == "whole"
    return Finding(verdict=Verdict.OK if whole else Verdict.BAD, says=f"The fuse is {'whole' if whole else 'blown'}.")


def _plan(does: str, line: str, loses: str) -> Plan:
    return Plan(
        does=does,
        commands=(Command(line=line, target={"fuse": "main"}),),
        blast_radius=BlastRadius(touched=1, total=1, noun="fuses"),
        risk=Risk.LOW,
        loses=loses,
    )


def _spare(lamp: Lamp) -> str:
    return str(lamp.state().get("spare", "whole"))


class ReplaceFuse(Action):
    """Replace the fuse.

    By the spare one, which may be as bad.
    """

    def plan(self, lamp: Lamp) -> Plan:
        return _plan("Replace the fuse.", "lamp replace-fuse", self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(fuse=_spare(lamp))
        lamp.happened("replaced the fuse")
        return Outcome(says="The fuse is new.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return bool(lamp.state().get("fuse") == _spare(lamp))

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """The fuse can be taken out again."""
        return TakeOutFuse()


class TakeOutFuse(Action):
    """Take the fuse out."""

    undo = NoWayBack(loses="Nothing; put it in again.")

    def plan(self, lamp: Lamp) -> Plan:
        return _plan("Take the fuse out.", "lamp take-out-fuse", self.way_back)

    def apply(self, lamp: Lamp, plan: Plan) -> Outcome:
        lamp.set(fuse=None)
        lamp.happened("took the fuse out")
        return Outcome(says="It is out.", complete=True)

    def applied(self, lamp: Lamp, plan: Plan) -> bool | None:
        return lamp.state().get("fuse") is None
