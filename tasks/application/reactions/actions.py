"""Ways to stop what readers and mailbox providers react to: pause the campaigns it comes from."""

from __future__ import annotations

from tasks.application.campaigns import PauseCampaigns, paused
from tasks.application.reactions.bounces import bouncing
from tasks.application.reactions.checks import FEW_BOUNCES, UNSUBSCRIBE_RATE
from tasks.application.reactions.engagement import LOW_CLICKS, LOW_OPENS, engaged
from tasks.application.reactions.unsubscribes import left
from tasks.application.system import ApplicationDatabase
from tasks.mail.limits import BLOCKED_BOUNCES, HARD_BOUNCES
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


class PauseUnsubscribedCampaigns(PauseCampaigns):
    """Pause the campaigns that too many readers leave.

    By the same limit as the question, and only those. Who has left stays unsubscribed; the others go on where they were
    when the campaign is resumed.
    """

    def plan(self, application: ApplicationDatabase, unsubscribes: Threshold = UNSUBSCRIBE_RATE) -> Plan:
        sick = [one for one in left(application) if one.rate.judge(unsubscribes) is Verdict.BAD]
        return paused(application, {one.campaign: f"left: {one.rate.says('mails')}" for one in sick})


class PauseUnreadCampaigns(PauseCampaigns):
    """Pause the campaigns that are neither opened nor clicked.

    Only where both are below their limits, by the same ones as the question. Nobody loses a mail he waits for: hardly
    anybody read them.
    """

    def plan(
        self, application: ApplicationDatabase, opens: Threshold = LOW_OPENS, clicks: Threshold = LOW_CLICKS
    ) -> Plan:
        sick = [one for one in engaged(application) if one.verdict(opens, clicks) is Verdict.BAD]
        return paused(application, {one.campaign: one.told for one in sick})
