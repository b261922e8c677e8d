"""No mail goes out, and nobody knows why."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.control.actions import ResumeSending
from tasks.application.control.checks import check_emergency_stop
from tasks.application.control.eligible import ResumeCampaigns, check_eligible_leads, check_sent_today
from tasks.application.control.faults import ForgetSender, LeaveStopOn, PauseAllCampaigns
from tasks.application.control.sender import StartSender, check_sender_on
from tasks.application.inboxes.actions import RaiseInboxLimits, ResumeInboxes
from tasks.application.inboxes.checks import check_inbox_health, check_inbox_room, check_inboxes_active
from tasks.application.inboxes.faults import LeaveInboxesPaused, UseUpLimits

runbook = Runbook(
    title="No mails go out",
    problem=(
        "Nothing is sent although something should be: the emergency stop is on, nobody is left to write to, every "
        "inbox is paused or has sent what it may today, or the sender's cron does not trigger."
    ),
    severity=Severity.P1,
    keywords=(
        "no emails",
        "emails not sending",
        "nothing sent",
        "zero emails today",
        "empty queue",
        "emergency stop on",
        "inboxes paused",
        "warm-up limit",
        "warmup",
        "cron",
        "last cron run",
        "trigger",
        "eligible prospects",
    ),
    symptoms=(
        Symptom(alert="NoEmailsSent"),
        Symptom(alert="EmailsNotSending"),
        Symptom(heard="The dashboard shows 0 emails sent today."),
        Symptom(heard="The queue is empty, and so are the logs."),
    ),
    diagnosis=(
        check_emergency_stop,
        check_eligible_leads,
        check_inboxes_active,
        check_inbox_room,
        check_inbox_health,
        check_sender_on,
        check_sent_today,
    ),
    resolution=(
        Step(ResumeInboxes(), when=check_inboxes_active),
        Step(RaiseInboxLimits(), when=check_inbox_room),
        Step(ResumeCampaigns(), when=check_eligible_leads),
        Step(StartSender(), when=check_sender_on),
        # Last: until then nothing goes out that the steps before it would let go.
        Step(ResumeSending(), when=check_emergency_stop),
        Manual(
            "Wait until tomorrow",
            when=check_inbox_room,
            how="""\
Where every inbox has sent what its warm-up allows, nothing is to be mended: its mails go out tomorrow. More a day
spoils what the warm-up is for. For more volume add an inbox (playbooks/new-inbox), weeks before it is needed.""",
        ),
        Manual(
            "Bring in new leads",
            when=check_eligible_leads,
            how="""\
Where everybody has had all mails of the campaign, or bounced, there is nobody to write to. Import new leads, by the
door that verifies addresses; do not start the finished ones anew: they have had these mails.""",
        ),
        Manual(
            "Wait for inboxes in bad health",
            when=check_inbox_health,
            how="""\
Open email/inbox-health-degraded. A paused inbox that is resumed because nothing else sends is soon a blocked one.""",
        ),
    ),
    # Rows hold their new values when a step commits; a minute shows whether a job writes the old ones again.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=15)),
    prevention=(
        Watch(check_inboxes_active, every=timedelta(minutes=15)),
        Watch(check_eligible_leads, every=timedelta(hours=1)),
        Watch(check_sent_today, every=timedelta(minutes=15)),
    ),
    symptom_of=("email/delivery-failures",),
    related=("email/emails-stuck-queued", "email/emergency-stop", "email/inbox-health-degraded", "playbooks/new-inbox"),
    drills=(
        Drill(fault=LeaveStopOn(), noticed_by=check_emergency_stop, resolved_by=ResumeSending),
        Drill(fault=PauseAllCampaigns(), noticed_by=check_eligible_leads, resolved_by=ResumeCampaigns),
        Drill(fault=LeaveInboxesPaused(), noticed_by=check_inboxes_active, resolved_by=ResumeInboxes),
        Drill(fault=UseUpLimits(), noticed_by=check_inbox_room, resolved_by=RaiseInboxLimits),
        Drill(fault=ForgetSender(), noticed_by=check_sender_on, resolved_by=StartSender),
    ),
)
