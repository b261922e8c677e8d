"""What can be changed about our key for x.ai: the spare one put where the application finds it, and back."""

from __future__ import annotations

from tasks import spare_key
from tasks.action import Action
from tasks.grok.system import Grok
from tasks.model import NoWayBack, Outcome, Plan


class UseSpareGrokKey(Action):
    """Put the spare key for x.ai where the application finds its key.

    Only while x.ai refuses the one that is there, and takes the spare one: both are tried first. Neither is ever
    shown; a fingerprint tells them apart. The replaced key is kept beside the file, as private as it was.
    """

    def plan(self, grok: Grok) -> Plan:
        return spare_key.use_plan(grok)

    def apply(self, grok: Grok, plan: Plan) -> Outcome:
        return spare_key.use(grok, plan)

    def applied(self, grok: Grok, plan: Plan) -> bool | None:
        return spare_key.is_there(grok, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced key back."""
        return PutGrokKeyBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutGrokKeyBack(Action):
    """Put the replaced key for x.ai back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare key is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the key that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, grok: Grok) -> Plan:
        return spare_key.back_plan(grok, self.now, self.back)

    def apply(self, grok: Grok, plan: Plan) -> Outcome:
        return spare_key.back(grok, plan)

    def applied(self, grok: Grok, plan: Plan) -> bool | None:
        return spare_key.is_there(grok, plan)
