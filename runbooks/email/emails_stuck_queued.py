"""Mails wait in the queue that should have gone out."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.control.actions import LowerSendRate
from tasks.application.control.checks import check_held_back
from tasks.application.control.queue import RequeueHeld, TakeOutSent, check_queue_went_out
from tasks.application.control.sender import StartSender, check_sender_on
from tasks.application.faults import StickQueue
from tasks.application.sending.checks import check_send_failures, check_sender_pace, check_stuck_sends

runbook = Runbook(
    title="Mails are stuck in the queue",
    problem=(
        "Mails that are due are not sent: the sender is off or was lost in the middle of its work, the provider holds "
        "it back or refuses its key. Whatever is started again must not send twice what went out already."
    ),
    severity=Severity.P1,
    keywords=(
        "queue",
        "queued",
        "stuck",
        "sender",
        "email sender",
        "not sent",
        "delayed",
        "backlog",
        "requeue",
        "twice",
        "duplicate mails",
        "rate limit",
        "429",
        "too many requests",
        "api key",
        "restore",
        "workflow inactive",
    ),
    symptoms=(
        Symptom(alert="EmailsStuckInQueue"),
        Symptom(alert="EmailSenderStopped"),
        Symptom(heard="Mails stay on 'queued' for hours."),
        Symptom(heard="The sender's workflow is inactive."),
        Symptom(heard="The queue was restored from a backup: is anything sent twice now?"),
    ),
    diagnosis=(
        check_stuck_sends,
        check_sender_on,
        check_queue_went_out,
        check_send_failures,
        check_held_back,
        check_sender_pace,
    ),
    resolution=(
        # Before anything sends again.
        Step(TakeOutSent(), when=check_queue_went_out),
        Step(StartSender(), when=check_sender_on),
        Step(RequeueHeld(), when=check_stuck_sends),
        Step(LowerSendRate(), when=check_held_back),
        Manual(
            "Try the key at the provider, and rotate it",
            when=check_send_failures,
            how="""\
Where the failures say 401, 403, unauthorized or forbidden, the key is wrong, was revoked, or may not send:

1. look at the provider's page for keys: is ours there, active, with the right to send, and of this account and region?
2. make a new key with the right to send and no other; give it to the application as its secret; restart the sender;
3. watch one mail go out, then revoke the old key.

Try a key without sending a mail to a stranger: the provider's own check of keys, its sandbox mode, or a mailbox of our
own. Mail to example.com only bounces.""",
        ),
        Manual(
            "Reconcile the queue with the provider's log after a restore",
            when=check_queue_went_out,
            how="""\
A backup holds the queue as it was: what was sent since is queued again. Keep the sender off until this is done:

1. take from the provider's log what it accepted since the moment of the backup (its events, by message id and address);
2. match them with the mails in the queue, by message id, else by address and subject; set each match to sent;
3. only then have the sender run.""",
        ),
        Manual(
            "Find out why the sender stopped",
            when=check_sender_on,
            how="""\
Ask who switched it off, and when: a deploy, an upgrade of the workflow engine, a person who tried something. A workflow
engine that is restarted in the middle of a run does not go on with it, and running it again sends its mails again: look
at what it had taken (the mails a sender took and forgot) before anything is retried.""",
        ),
    ),
    # The oldest goes first; at 100 mails a minute half an hour is a queue of 3,000.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=30)),
    prevention=(
        Watch(check_stuck_sends, every=timedelta(minutes=5)),
        Watch(check_sender_on, every=timedelta(minutes=5)),
        Watch(check_queue_went_out, every=timedelta(minutes=15)),
    ),
    related=("email/emergency-stop", "playbooks/resume-sending"),
    # What the provider does not take stays in the queue.
    symptom_of=("email/delivery-failures",),
    drills=(Drill(fault=StickQueue(), noticed_by=check_stuck_sends, resolved_by=StartSender),),
)
