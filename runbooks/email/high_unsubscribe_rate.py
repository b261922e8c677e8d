"""Too many readers leave: one campaign, its reasons, and how often they are mailed."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.reactions.actions import PauseUnsubscribedCampaigns
from tasks.application.reactions.faults import LeaveOneCampaign
from tasks.application.reactions.unsubscribes import (
    check_mail_frequency,
    check_unsubscribe_reasons,
    check_unsubscribes_by_campaign,
)

runbook = Runbook(
    title="Too many readers unsubscribe",
    problem=(
        "Readers of a campaign leave in numbers: it goes to the wrong people, too often, or with the wrong promise. "
        "Who finds no link to leave by complains instead, and complaints cost the sender's reputation."
    ),
    severity=Severity.P2,
    keywords=(
        "unsubscribe",
        "unsubscribes",
        "unsubscribe rate",
        "opt out",
        "list-unsubscribe",
        "frequency",
        "frequency cap",
        "too many mails",
        "complaint",
        "campaign",
        "email",
    ),
    symptoms=(
        Symptom(alert="HighUnsubscribeRate"),
        Symptom(alert="EmailUnsubscribeRateHigh"),
        Symptom(heard="More than one in a hundred readers of a campaign unsubscribes."),
        Symptom(heard="Readers answer that they get too many mails."),
    ),
    diagnosis=(
        check_unsubscribes_by_campaign,
        check_unsubscribe_reasons,
        check_mail_frequency,
    ),
    resolution=(
        Step(PauseUnsubscribedCampaigns(), when=check_unsubscribes_by_campaign),
        Manual(
            "Lower the frequency cap",
            when=check_unsubscribes_by_campaign,
            how="""\
Look at the question about mails a week: if readers get more than five, it is the sum of the campaigns. Set the cap
where the scheduler picks the next mail (per reader, over all campaigns, within seven days), one lower than it is, and
not below what readers chose themselves. Mails that the cap holds back must be moved to later, not sent in one burst
when the week is over. Note the old cap in this incident: that is the way back.""",
        ),
        Manual(
            "Review the campaign before it is resumed",
            when=check_unsubscribes_by_campaign,
            how="""\
1. Whom did it go to? A new segment or an imported list that never asked for it is taken out, not mailed less.
2. What did they expect? Compare the subject with the form they signed up by.
3. Does List-Unsubscribe work in one click (RFC 8058), and is who left really left out? Send one to yourself.
4. Whoever called a mail spam is to be suppressed at once, in the application and at the provider: compare both lists.
5. Resume for a tenth of the readers, look at the question again after a day, then for all.""",
        ),
    ),
    # The campaign is paused when the step commits; half a minute shows whether something starts it again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(Watch(check_unsubscribes_by_campaign, every=timedelta(hours=1)),),
    related=("email/high-bounce-rate",),
    drills=(
        Drill(
            fault=LeaveOneCampaign(), noticed_by=check_unsubscribes_by_campaign, resolved_by=PauseUnsubscribedCampaigns
        ),
    ),
)
