"""A campaign is neither opened nor clicked: it lands in the spam folder, or nobody wants it."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.reactions.actions import PauseUnreadCampaigns
from tasks.application.reactions.checks import check_clicks, check_opens
from tasks.application.reactions.engagement import check_low_engagement
from tasks.application.reactions.faults import LoseInterest

runbook = Runbook(
    title="A campaign is not read",
    problem=(
        "Hardly anybody opens a campaign's mails, and hardly anybody follows a link in them. Either they do not reach "
        "the inbox, or nobody wants them; mailbox providers take both for a sign of unwanted mail, and put all others "
        "into the spam folder next."
    ),
    severity=Severity.P3,
    keywords=(
        "engagement",
        "low engagement",
        "open rate",
        "click rate",
        "opens",
        "clicks",
        "spam folder",
        "inbox placement",
        "subject line",
        "campaign",
        "email",
    ),
    symptoms=(
        Symptom(alert="LowEngagement"),
        Symptom(alert="EmailEngagementLow"),
        Symptom(heard="A campaign's open rate is below 20 % and its click rate below 2 %."),
        Symptom(heard="Readers say that our mails are in their spam folder."),
    ),
    diagnosis=(check_low_engagement, check_opens, check_clicks),
    resolution=(
        Manual(
            "See whether the mails reach the inbox",
            when=check_low_engagement,
            how="""\
First of all, for no other text mends a mail that nobody sees. Send the campaign's newest mail to a mailbox of your own
at each large provider, and look which folder it lands in. If it is the spam folder: SPF, DKIM and DMARC, the
blocklists, bounces and complaints come before anything below. If all campaigns fell on the same day, it is the sender
and not the campaign.""",
        ),
        Step(PauseUnreadCampaigns(), when=check_low_engagement),
        Manual(
            "Review the list",
            when=check_low_engagement,
            how="""\
Whom does it go to, and since when? Take out who has opened nothing for six months (ask them once whether they want to
stay, then let them go), and any list that was bought or imported without their asking. Do not delete them: who comes
back by the next import is mailed again.""",
        ),
        Manual(
            "Review subject, sender and time",
            when=check_low_engagement,
            how="""\
Change one thing at a time, for half of the readers, and compare after two days from 200 mails each up:

1. the sender's name: a person the reader knows, the same in every mail;
2. the subject: what is in it for the reader, in the first forty characters, no unreplaced token;
3. the time: the reader's morning, in his time zone.""",
        ),
        Manual(
            "Review the content",
            when=check_low_engagement,
            how="""\
If it is opened and not clicked: one link that matters, above the fold, with a word that says what happens; test that
each link answers, and that tracking did not break it. A mail that needs no click is measured by replies instead: give
this campaign its own limit (thresholds of check_low_engagement).""",
        ),
    ),
    # The campaign is paused when the step commits; half a minute shows whether something starts it again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(Watch(check_low_engagement, every=timedelta(days=1)),),
    related=("email/high-bounce-rate", "email/high-unsubscribe-rate"),
    drills=(Drill(fault=LoseInterest(), noticed_by=check_low_engagement, resolved_by=PauseUnreadCampaigns),),
)
