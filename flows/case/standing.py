"""Standing approval: what a maintenance approves by its own declaration, and until when.

Bounded four times: by the declared risk, by the environment, which may only ask for less, by the window, and by the
gate's own first question, after which a person is asked. Nothing that is filled in or edited in Prefect is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows.run.clock import now
from runbooks.playbook import Maintenance
from runbooks.window import Opening
from tasks.environment import Environment
from tasks.model import Plan, Risk

# Who approves, in the journal. The entry's kind tells it from a person of that name.
SCHEDULE = "schedule"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The rule that holds in one opening of the window. `most` is None where every step waits for a person."""

    opening: Opening
    most: Risk | None
    says: str

    def rule(self, plan: Plan) -> str:
        """The rule by which `plan` needs no asking just now; empty if there is none."""
        # Again here, whatever was declared: a risk that high is never taken without a person.
        if self.most is None or plan.risk > self.most or plan.risk >= Risk.HIGH:
            return ""
        return self.says if self.opening.begins <= now() < self.opening.ends else ""

    @property
    def over(self) -> bool:
        return now() >= self.opening.ends

    @property
    def ends(self) -> datetime:
        return self.opening.ends


def standing(maintenance: Maintenance, slug: str, version: str, place: Environment, opening: Opening) -> Standing:
    """What `maintenance` approves in `place` during `opening`."""
    most = _most(maintenance.unattended, place)
    allowed = most.name.lower() if most else "no"
    says = (
        f"{slug} (version {version}) declares: up to {allowed} risk without asking, {maintenance.window} "
        f"({place.time_zone}); this window ends {opening.ends:%Y-%m-%d %H:%M} UTC."
    )
    return Standing(opening=opening, most=most, says=says)


def _most(declared: Risk | None, place: Environment) -> Risk | None:
    """The lower of what the declaration and the environment allow."""
    if declared is None or place.unattended_risk == "none":
        return None
    return declared if place.unattended_risk is None else min(declared, Risk[place.unattended_risk.upper()])
