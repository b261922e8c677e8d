"""Hold the campaigns whose mails show a token, and take those out that nothing fills it for."""

from __future__ import annotations

from tasks.application.campaigns import PauseCampaigns, paused
from tasks.application.content.checks import incomplete, unreplaced
from tasks.application.exact import Change
from tasks.application.leads import MOST_LEADS, WITHDRAWN, EndEnrolments, ending
from tasks.application.system import ApplicationDatabase
from tasks.model import Plan


class HoldCampaigns(PauseCampaigns):
    """Hold the campaigns whose mails show a token, and take those mails out of the queue.

    In one transaction. The queued mails that show no token stay in the queue; those that were sent cannot be recalled.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        queued = unreplaced(application, queued=True)
        why = {
            str(row["campaign"]): f"shows {row['token']!r}" for row in [*unreplaced(application, queued=False), *queued]
        }
        if not application.knows(WITHDRAWN):
            return paused(application, why)
        withdrawn = application.values("sends.statuses.withdrawn")[0]
        mails = [
            Change(part="sends", key=str(row["key"]), was={"status": str(row["status"])}, to={"status": withdrawn})
            for row in queued
        ]
        return paused(application, why, mails)


class WithdrawIncompleteLeads(EndEnrolments):
    """End the enrolments of leads without a name or an address.

    Of exactly those leads; their queued mails are withdrawn in the same transaction. Once somebody has filled in what
    is missing, this is taken back, or the lead is enrolled again.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        found = incomplete(application, MOST_LEADS)
        return ending(
            application, "End the enrolments of {leads} without a name or an address", found, "incomplete_lead"
        )
