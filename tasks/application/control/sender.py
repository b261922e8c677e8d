"""The workflow that sends: is it on, is it due, and how it is had to run."""

from __future__ import annotations

from tasks.action import Action
from tasks.application.control.queries import TAKEN_LATELY, WENT_OUT
from tasks.application.exact import applied, apply, planned, undone
from tasks.application.scheduled import DAY_S, Scheduled, scheduled
from tasks.application.sending.queue import QUEUE_AGE, queue
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Outcome, Plan, Refused, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

SENDER_LATE = Threshold(
    warn=300,
    bad=900,
    because="Owner: the team on call. Since when its next run has been due, in seconds: at 15 min seed S3 calls a "
    "sender that has not run a critical alert.",
)
# Whoever has taken mails within this time is at work: a second one beside it would send them twice.
AT_WORK_S = 900


def sender(application: ApplicationDatabase) -> Scheduled:
    """The workflow that sends.

    Raises:
        Refused: it is not mapped, or has no row; CannotLook: no answer.
    """
    runs = application.executions
    if runs is None or runs.sender is None:
        raise Refused(
            "Nobody has said which workflow sends.",
            remedy='Write in environments.toml, under executions of the application: sender = "Email Sender"',
        )
    return scheduled(application, "sender", runs.sender)


@check
def check_sender_on(application: ApplicationDatabase, late: Threshold = SENDER_LATE) -> Finding:
    """Is the sender switched on, and does it run when it is due?

    By the application's own row of its workflow or cron: switched off, due and not begun, or not planned within the
    time that it may go without a success (`expected` under executions).
    """
    return sender(application).judged(late)


class StartSender(Action):
    """Have the sender run.

    Switches its workflow on, and has the application's own scheduler run it now: never a second one beside it. Refused
    while mails wait that went out already, and while a sender is at work.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        one = sender(application)
        changes = one.had_run(application)
        if not changes:
            does = f"Nothing to do: the sender {one.name!r} is switched on, and its next run is planned."
            return planned(application, does, (), noun="workflows")
        refuse_twice(application)
        waiting = queue(application)
        does = f"Have {one.name!r} run. What it finds goes out: {waiting.says(QUEUE_AGE)} {_old(waiting.oldest_s)}"
        return planned(application, does.strip(), changes, noun="workflows")

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """The workflow can be switched off again, and its next run put back; what went out cannot be called back."""
        return undone(plan)


def refuse_twice(application: ApplicationDatabase) -> None:
    """Nothing is begun that would send mails a second time.

    Raises:
        Refused: mails in the queue went out already, or a sender is at work. CannotLook: no answer.
    """
    if application.knows(WENT_OUT) and (rows := application.rows(WENT_OUT, most=1)):
        raise Refused(
            f"{count(int(number(rows[0]['total'])), 'mail')} in the queue went out already, as their rows tell, and "
            "would go out twice.",
            remedy="Take them out of the queue first (email/emails-stuck-queued). After a restore also compare with "
            "the provider's log: what it sent since the backup is not in these rows.",
        )
    if application.knows(TAKEN_LATELY):
        taken = int(number(application.rows(TAKEN_LATELY, within_s=AT_WORK_S)[0]["mails"]))
        if taken:
            raise Refused(
                f"A sender took {count(taken, 'mail').lower()} within the last {limit(AT_WORK_S)}: it is at work, and "
                "a second one beside it would send them twice.",
                remedy="Wait until it is done, or stop it for good first.",
            )


def _old(oldest_s: float) -> str:
    return f"The oldest are {span(oldest_s)} old: should they still go out?" if oldest_s >= DAY_S else ""
