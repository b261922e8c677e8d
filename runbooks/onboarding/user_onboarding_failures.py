"""Users do not get through the onboarding: a step fails, or hardly anybody comes behind it."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.onboarding.actions import ResetStep
from tasks.application.onboarding.checks import (
    check_onboarding_errors,
    check_onboarding_failed,
    check_onboarding_permissions,
    check_onboarding_stuck,
)
from tasks.application.onboarding.connections import check_calendar_connections
from tasks.application.onboarding.faults import FailCalendarStep, FailDomainStep, FailInboxStep
from tasks.calendar.checks import check_calendar_client
from tasks.mail_domain.checks import check_declared_records
from tasks.smtp.checks import check_smtp_login

runbook = Runbook(
    title="Users do not get through the onboarding",
    problem=(
        "A user stands at a step of the onboarding that failed, or a step lets hardly anybody through: verification of "
        "the domain, the calendar, the mailbox, a permission that is missing. Each is a customer who cannot begin."
    ),
    severity=Severity.P2,
    keywords=(
        "onboarding",
        "user",
        "stuck",
        "sign-up",
        "set-up",
        "cannot complete",
        "step failed",
        "domain",
        "calendar",
        "oauth",
        "inbox",
        "permission",
        "reset onboarding",
        "instructions",
    ),
    symptoms=(
        Symptom(alert="UserOnboardingFailed"),
        Symptom(alert="OnboardingStepStuck"),
        Symptom(heard="A user cannot complete the onboarding."),
        Symptom(heard="Nobody gets past the calendar step since yesterday."),
        Symptom(heard="A new user may not do anything: permission denied."),
    ),
    diagnosis=(
        check_onboarding_failed,
        check_onboarding_stuck,
        check_onboarding_errors,
        check_onboarding_permissions,
        # What the steps themselves hang on; each has a runbook of its own.
        check_declared_records,
        check_calendar_client,
        check_calendar_connections,
        check_smtp_login,
    ),
    resolution=(
        Step(ResetStep(), when=check_onboarding_failed),
        Manual(
            "Send the users their instructions again",
            when=check_onboarding_failed,
            how="""\
The plan of the step before, and the finding's remedy, hold the mail, drafted by step and kind of error; nothing is sent
by itself. Send it after the cause is mended, or the user fails at the same step once more:

- domain: `incident run onboarding/domain-verification` names the records to send along, word by word.
- calendar: `incident run onboarding/calendar-connection` says whether it is the user's to authorise again, or ours.
- inbox: a mailbox with a second factor wants an app password; `incident run email/smtp-configuration` tries ours.""",
        ),
        Manual(
            "Look at the step that stops most users",
            when=check_onboarding_stuck,
            how="""\
Go through it as a new user would, in a private window, with an address of your own, and with the browser's console
open. Compare the day on which it began with deploys and with the provider's changes. Write to those who stand there
only once it works.""",
        ),
        Manual(
            "Give the permission that is missing",
            when=check_onboarding_permissions,
            how="""\
The rows say who lacks what. Give it in the application, as its own administrator would, so that it is logged there;
nothing writes permissions from here. Where several lack the same one, what gives it out (a role, a plan, a trial that
ended) is what is broken.""",
        ),
        Manual(
            "Escalate to support",
            when=check_onboarding_errors,
            how="""\
The same kind of error with five users within a day is none of theirs. Tell support the kind, the step and the number of
users, so that they answer the next one with what is known; tell them again when it is over.""",
        ),
    ),
    # What was reset stands there no more; whether the user comes further, the same question says tomorrow.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_onboarding_failed, every=timedelta(minutes=30)),
        Watch(check_onboarding_stuck, every=timedelta(hours=6)),
        Watch(check_onboarding_errors, every=timedelta(hours=1)),
        Watch(check_onboarding_permissions, every=timedelta(hours=6)),
    ),
    related=("onboarding/domain-verification", "onboarding/calendar-connection", "email/smtp-configuration"),
    drills=(
        Drill(fault=FailDomainStep(), noticed_by=check_onboarding_failed, resolved_by=ResetStep),
        Drill(fault=FailCalendarStep(), noticed_by=check_onboarding_failed, resolved_by=ResetStep),
        Drill(fault=FailInboxStep(), noticed_by=check_onboarding_failed, resolved_by=ResetStep),
    ),
)
