"""Ways to stop what readers and mailbox providers react to: pause the campaigns it comes from."""

from __future__ import annotations

from tasks.application.campaigns import PauseCampaigns, paused
from tasks.application.reactions.bounces import bouncing
from tasks.application.reactions.checks import BLOCKED_BOUNCES, FEW_BOUNCES, HARD_BOUNCES
from tasks.application.system import ApplicationDatabase
from tasks.model import Plan, Threshold, Verdict


class PauseBouncingCampaigns(PauseCampaigns):
    """Pause the campaigns whose mails come back.

    Those whose hard or blocked bounces are bad, by the same limits as the question. The others go on. Nothing is
    deleted: each lead goes on where it was when the campaign is resumed.
    """

    def plan(
        self,
        application: ApplicationDatabase,
        hard: Threshold = HARD_BOUNCES,
        blocked: Threshold = BLOCKED_BOUNCES,
        few: Threshold = FEW_BOUNCES,
    ) -> Plan:
        limits = {"hard": hard, "blocked": blocked}
        sick = [one for one in bouncing(application) if one.verdict(limits, few) is Verdict.BAD]
        return paused(application, {one.campaign: one.told for one in sick})
