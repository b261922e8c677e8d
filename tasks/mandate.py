"""Mandate: what may be planned before anybody has looked.

A plan is bounded by what was found. In an emergency nothing has been found yet: then it is bounded by this, which was
written down when nobody was in a hurry.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.model import Plan, Refused, Risk

# Whoever is on call may approve it alone.
RISK = Risk.LOW


@dataclass(frozen=True, kw_only=True)
class Mandate:
    """So much and no more may be done without evidence: `commands` at most, low risk, one approval; it has a way back.

    `may` says to the person who approves what that is: "Turn the emergency stop on, and change nothing else."
    """

    may: str
    commands: int = 1

    def __post_init__(self) -> None:
        if not self.may.strip() or self.commands < 1:
            raise ValueError("Mandate: say in `may` what may be done unseen, and allow at least one of `commands`.")

    def refuse_beyond(self, plan: Plan) -> None:
        """Refuse a plan that would do more.

        Raises:
            Refused: it has more commands, a higher risk, or takes more people.
        """
        wrong = [
            *([f"{len(plan.commands)} commands"] if len(plan.commands) > self.commands else []),
            *([f"{plan.risk.name.lower()} risk"] if plan.risk > RISK else []),
            *([f"{plan.people} approvals"] if plan.people > 1 else []),
        ]
        if wrong:
            raise Refused(
                f"Nobody has looked yet, and this would take {', '.join(wrong)}. Unseen it may: {self.may}",
                remedy="Do it by hand, or open the runbook that looks first.",
            )
