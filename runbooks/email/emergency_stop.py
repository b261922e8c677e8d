"""Mail goes out that must not: stop all of it, now."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.control.actions import StopSending
from tasks.application.control.checks import check_sending_stopped, check_wrong_recipients
from tasks.application.control.faults import SendToWrongList

runbook = Runbook(
    title="Stop all mail at once",
    problem=(
        "Mail goes out that must not: a campaign sends to the wrong list, a template is broken, a customer or a court "
        "says stop. Each minute sends more, and no mail can be called back. The stop is asked for at once, without a "
        "diagnosis."
    ),
    severity=Severity.P0,
    keywords=(
        "emergency stop",
        "stop sending",
        "stop all mail",
        "kill switch",
        "wrong list",
        "wrong recipients",
        "spam by accident",
        "complaint",
        "gdpr",
        "legal",
        "unsubscribed",
        "halt",
        "panic",
        "campaign",
    ),
    symptoms=(
        Symptom(alert="SendingToWrongRecipients"),
        Symptom(alert="EmergencyStopRequested"),
        Symptom(heard="A campaign goes to people who were never on its list."),
        Symptom(heard="A broken template is on its way to everybody."),
        Symptom(heard="A customer, a lawyer or the provider tells us to stop sending now."),
    ),
    diagnosis=(check_sending_stopped, check_wrong_recipients),
    resolution=(
        Step(StopSending(), when=check_sending_stopped, at_once=True),
        Manual(
            "Stop it where it is sent, if the switch does not",
            when=check_sending_stopped,
            how="""\
If mails still go out, a sender does not read the switch. The next nearest thing, the first that you reach:

1. switch off the workflow or the cron that sends (n8n: the workflow's toggle; Cloudflare: the Worker's trigger);
2. revoke the sending key at the mail provider: it refuses what comes, and the mails stay queued or fail, so that they
   can be sent later. Make a new key when you resume;
3. stop the machine that sends.

Then look who was reached: the rows of “Do mails go to people who are not enrolled in the campaign?”.""",
        ),
        Manual(
            "Find out who was reached, and resume by the playbook",
            when=check_sending_stopped,
            how="""\
1. Note who set the stop and why; the record of this incident has the moment to the second.
2. Who was reached: the findings tell how many by campaign, of the last hour, with five leads of each. Ask the
   application for all of them, since the moment of the mistake. Decide who is told, and by whom: an apology is a mail
   too, and waits for the stop to be lifted.
3. Take the mails out of the queue that must not go out. Keep their rows: they are the record.
4. Mend the cause, and see it mended in staging.
5. playbooks/resume-sending lifts the stop with one mail a run. Look at what goes out, then run it again with ten.""",
        ),
    ),
    # Two runs of a sender that runs every two minutes: the switch is read at the beginning of a run.
    verification=Verify(hold=timedelta(minutes=4), within=timedelta(minutes=10)),
    prevention=(Watch(check_wrong_recipients, every=timedelta(minutes=5)),),
    related=("playbooks/resume-sending",),
    drills=(Drill(fault=SendToWrongList(), noticed_by=check_wrong_recipients, resolved_by=StopSending),),
)
