"""The provider's events come in more than once, and every rate that counts them is wrong."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.rows.actions import RemoveDuplicateEvents
from tasks.application.rows.checks import check_repeated_rows
from tasks.application.rows.duplicates import check_duplicate_events
from tasks.application.rows.faults import RepeatEvents

runbook = Runbook(
    title="The provider's events are there twice",
    problem=(
        "The same opening, click or bounce stands in the events more than once: the provider told it again and nothing "
        "caught it, or it came in by two ways. Rates that count rows are too high, and whatever follows an event "
        "happens twice."
    ),
    severity=Severity.P2,
    keywords=(
        "duplicate",
        "duplicates",
        "duplicate events",
        "webhook",
        "webhook retry",
        "event hash",
        "idempotency",
        "deduplication",
        "open rate over 100 %",
        "sendgrid",
        "email",
    ),
    symptoms=(
        Symptom(alert="DuplicateEmailEvents"),
        Symptom(heard="An open rate is above 100 %, or doubled from one day to the next."),
        Symptom(heard="The same event of a mail is in the table more than once."),
    ),
    diagnosis=(check_duplicate_events, check_repeated_rows),
    resolution=(
        Step(RemoveDuplicateEvents(), when=check_duplicate_events),
        Manual(
            "Change the hash",
            when=check_duplicate_events,
            how="""\
Events came in again under another hash, so the hash holds something that changes from one telling to the next: the
moment it was received, the webhook's own delivery id, the order of the fields. Make it of what the event is, and of
nothing else: the provider's event id where it gives one (SendGrid: sg_event_id), else mail, kind, moment as the
provider tells it, and detail. Equal numbers of rows and hashes are health, not a reason to change anything.

First in the code that takes events in; then for the rows that are there, in batches, once nothing is there twice. The
unique index stays as it is. Keep the old hash in a column of its own until a week has passed without a double.""",
        ),
        Manual(
            "See that the index is there and valid",
            when=check_repeated_rows,
            how="""\
What keeps an event from coming in twice is the unique index, and its finding says what it lacks. A build that broke off
leaves one that is not valid: drop it, take out what is double, then

    CREATE UNIQUE INDEX CONCURRENTLY ON <events> (<once>);

Mails that went out twice are no double events: two senders took the same queue (see the finding's rows), and an
insert with ON CONFLICT DO NOTHING, or FOR UPDATE SKIP LOCKED in the sender, is what mends it.""",
        ),
        Manual(
            "Correct what was counted",
            when=check_duplicate_events,
            how="""\
Daily figures that were made while events were double hold them still. Make those of the last seven days anew, from
distinct mails, not from rows. Whatever follows an event by itself (a score, a task for sales) ran twice: look for the
mails in the finding's rows.""",
        ),
    ),
    # They are gone when the step commits; half a minute shows whether the provider tells them again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(Watch(check_duplicate_events, every=timedelta(hours=1)),),
    related=("email/low-engagement",),
    drills=(Drill(fault=RepeatEvents(), noticed_by=check_duplicate_events, resolved_by=RemoveDuplicateEvents),),
)
