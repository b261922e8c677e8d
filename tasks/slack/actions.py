"""What can be changed about our token for Slack: the spare one put where it is read from, and back."""

from __future__ import annotations

from tasks import spare_key
from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan
from tasks.slack.system import SlackApi


class UseSpareSlackToken(Action):
    """Put the spare token for Slack where the one that is refused is read from.

    Only while Slack refuses the one that is there, and takes the spare one: both are tried first, without a message.
    Neither is ever shown; a fingerprint tells them apart. The replaced one is kept beside the file.
    """

    def plan(self, slack: SlackApi) -> Plan:
        return spare_key.use_plan(slack)

    def apply(self, slack: SlackApi, plan: Plan) -> Outcome:
        return spare_key.use(slack, plan)

    def applied(self, slack: SlackApi, plan: Plan) -> bool | None:
        return spare_key.is_there(slack, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced token back."""
        return PutSlackTokenBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutSlackTokenBack(Action):
    """Put the replaced token for Slack back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare token is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the token that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, slack: SlackApi) -> Plan:
        return spare_key.back_plan(slack, self.now, self.back)

    def apply(self, slack: SlackApi, plan: Plan) -> Outcome:
        return spare_key.back(slack, plan)

    def applied(self, slack: SlackApi, plan: Plan) -> bool | None:
        return spare_key.is_there(slack, plan)
