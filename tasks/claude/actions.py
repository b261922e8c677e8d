"""What can be changed about our key for Anthropic: the spare one put where the application finds it, and back."""

from __future__ import annotations

from tasks import spare_key
from tasks.action import Action
from tasks.claude.system import Claude
from tasks.model import NoWayBack, Outcome, Plan


class UseSpareClaudeKey(Action):
    """Put the spare key for Anthropic where the application finds its key.

    Only while Anthropic refuses the one that is there, and takes the spare one: both are tried first. Neither is ever
    shown; a fingerprint tells them apart. The replaced key is kept beside the file, as private as it was.
    """

    def plan(self, claude: Claude) -> Plan:
        return spare_key.use_plan(claude)

    def apply(self, claude: Claude, plan: Plan) -> Outcome:
        return spare_key.use(claude, plan)

    def applied(self, claude: Claude, plan: Plan) -> bool | None:
        return spare_key.is_there(claude, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced key back."""
        return PutClaudeKeyBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutClaudeKeyBack(Action):
    """Put the replaced key for Anthropic back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare key is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the key that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, claude: Claude) -> Plan:
        return spare_key.back_plan(claude, self.now, self.back)

    def apply(self, claude: Claude, plan: Plan) -> Outcome:
        return spare_key.back(claude, plan)

    def applied(self, claude: Claude, plan: Plan) -> bool | None:
        return spare_key.is_there(claude, plan)
