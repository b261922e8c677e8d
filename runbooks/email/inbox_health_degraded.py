"""An inbox does badly: its mails bounce, are called spam, or go unanswered."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.inboxes.actions import LowerInboxLimits, PauseInboxes, ResumeInboxes
from tasks.application.inboxes.checks import check_inbox_health, check_inbox_pace, check_inboxes_active
from tasks.application.inboxes.faults import BounceFromInbox, LeaveInboxesPaused

runbook = Runbook(
    title="An inbox is in bad health",
    problem=(
        "Mails from an inbox bounce, are called spam or go unanswered. Receivers judge it by that: what it sends lands "
        "in the spam folder, and what it goes on sending makes it worse."
    ),
    severity=Severity.P2,
    keywords=(
        "inbox",
        "inbox health",
        "health score",
        "reputation",
        "bounce rate",
        "complaint rate",
        "reply rate",
        "warm-up",
        "warmup",
        "spam folder",
        "daily limit",
        "pause inbox",
        "sender reputation",
    ),
    symptoms=(
        Symptom(alert="InboxHealthDegraded"),
        Symptom(heard="The health score of an inbox fell below 80."),
        Symptom(heard="Mails from one inbox land in the spam folder."),
        Symptom(heard="Hardly anybody opens or answers any more."),
    ),
    diagnosis=(check_inbox_health, check_inbox_pace, check_inboxes_active),
    resolution=(
        Step(PauseInboxes(), when=check_inbox_health),
        Step(LowerInboxLimits(), when=check_inbox_pace),
        Step(ResumeInboxes(), when=check_inboxes_active),
        Manual(
            "Mend what made it ill",
            when=check_inbox_health,
            how="""\
By the factor that took most off the score:

- bounces (40 of 100): verify the addresses of its next campaign before they are mailed; see email/high-bounce-rate;
- complaints (30): stop what people did not ask for, write to those who know you, make unsubscribing easier than
  complaining;
- replies (20): write to fewer and better-known people, with a question they can answer;
- age (10): only time helps; keep to the warm-up.

When the pause is over, begin with the people who answered before, at the limit of the first week.""",
        ),
    ),
    # Rows hold their new values when the step commits; half a minute shows whether a job writes the old ones again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_inbox_health, every=timedelta(hours=1)),
        Watch(check_inbox_pace, every=timedelta(hours=1)),
    ),
    related=("email/high-bounce-rate", "email/emails-not-sending", "playbooks/new-inbox"),
    drills=(
        Drill(fault=BounceFromInbox(), noticed_by=check_inbox_health, resolved_by=PauseInboxes),
        Drill(fault=LeaveInboxesPaused(), noticed_by=check_inboxes_active, resolved_by=ResumeInboxes),
    ),
)
