"""The mail provider does not take our mails, or they fail there: it is down, refuses the key, or holds us back."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.mail_provider.access.actions import (
    PauseAtLimit,
    PauseInOutage,
    RestartWorkers,
    ResumeSending,
    UseSpareKey,
)
from tasks.mail_provider.access.checks import (
    check_mail_provider_answers,
    check_mail_provider_domain,
    check_mail_provider_key,
    check_mail_provider_queue,
    check_mail_provider_rate_limit,
    check_mail_provider_standing,
)
from tasks.mail_provider.access.faults import FailRequests, LimitRequests, RevokeKey
from tasks.mail_provider.addresses.actions import ReleaseWronglySuppressed, SuppressHardBounced
from tasks.mail_provider.addresses.checks import check_mail_provider_suppressed
from tasks.mail_provider.mails.actions import PauseForReputation
from tasks.mail_provider.mails.checks import (
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_failures,
    check_mail_provider_reasons,
)
from tasks.status_page.checks import check_provider_status

runbook = Runbook(
    title="Mails fail at the provider",
    problem=(
        "Mails are not taken by the mail provider, or fail there: its API is down, it refuses our key, it holds us "
        "back for our pace, our domain is not verified there, or receivers refuse what we send."
    ),
    severity=Severity.P1,
    keywords=(
        "delivery failures",
        "sending failures",
        "emails fail",
        "mail provider",
        "mailgun",
        "sendgrid",
        "resend",
        "amazon ses",
        "api key",
        "unauthorized",
        "401",
        "403",
        "429",
        "500",
        "502",
        "503",
        "rate limit",
        "too many requests",
        "quota",
        "suppression list",
        "suppressed",
        "restricted_api_key",
        "invalid_api_key",
    ),
    symptoms=(
        Symptom(alert="EmailSendFailureRateHigh"),
        Symptom(alert="EmailProviderDown"),
        Symptom(alert="EmailProviderUnauthorized"),
        Symptom(alert="EmailProviderRateLimited"),
        Symptom(heard="More than one in ten mails fails, within minutes."),
        Symptom(heard="The application logs 401 or 403 of the mail provider since somebody changed a key."),
        Symptom(heard="The application logs 429 or 'rate limit exceeded' when a campaign begins."),
        Symptom(heard="Password resets and sign-in codes do not arrive."),
    ),
    diagnosis=(
        check_mail_provider_answers,
        check_provider_status,
        check_mail_provider_key,
        check_mail_provider_rate_limit,
        check_mail_provider_standing,
        check_mail_provider_domain,
        check_mail_provider_queue,
        check_mail_provider_failures,
        check_mail_provider_reasons,
        check_mail_provider_bounces,
        check_mail_provider_complaints,
        check_mail_provider_suppressed,
    ),
    resolution=(
        Step(UseSpareKey(), when=check_mail_provider_key),
        Manual(
            "Make a new key, and put it in place",
            when=check_mail_provider_key,
            how="""\
The finding quotes what the provider answers. First find out why: who revoked the key, and was it because somebody else
has it? Then every copy of it must go, and the spare one is no hurry.

1. At the provider make a key with no more rights than the application needs: to send, for the one domain. For us
   another one, that may read (Mailgun: an API key, not a domain's sending key; SendGrid: read access; Resend: full).
2. Put it where the application reads it, and restart the application if it reads it only at its start.
3. Open this runbook again: its question tells whether the key is taken.

Mailgun refuses a key of the other region as well (api.mailgun.net and api.eu.mailgun.net are two worlds), SendGrid a
good key without credits, and Amazon a key whose machine's clock is wrong.""",
        ),
        Step(PauseAtLimit(), when=check_mail_provider_rate_limit),
        Manual(
            "Send more slowly, or have the limit raised",
            when=check_mail_provider_rate_limit,
            how="""\
The limit to keep is the one the provider's headers tell, no number of ours: wait as long as Retry-After, or the reset,
says, and spread what waits over the time after it. Whoever asks on without waiting is held back for longer.

If it is the plan's limit (mails a day, credits), either buy more or send the less important mails tomorrow: password
resets and sign-in codes first. A new domain or address has to be warmed up; its limit is low on purpose.

Resume with the step “Resume sending at the mail provider”, or by the undo of the pause.""",
        ),
        Step(PauseInOutage(), when=check_mail_provider_answers),
        Manual(
            "Wait for the provider, and send nothing twice",
            when=check_mail_provider_answers,
            how="""\
Its own status page says more than we can see; note its incident's number in this incident. Three things meanwhile:

1. Hold the campaigns back (email/emergency-stop), so that the queue holds what matters when it is over.
2. A request that timed out, or was answered 5xx, may have sent its mail. Try those again only with an idempotency key
   (Resend takes one), or after the provider's own log was asked whether it has the mail. 4xx and refused connections
   have sent nothing.
3. A second provider helps only if its domain is verified, and warmed up, before it is needed.""",
        ),
        Step(ResumeSending(), when=check_mail_provider_standing),
        Manual(
            "Talk to the provider",
            when=check_mail_provider_standing,
            quotes=(
                check_mail_provider_standing,
                check_mail_provider_failures,
                check_mail_provider_bounces,
                check_mail_provider_complaints,
                check_mail_provider_reasons,
            ),
            how="""\
What the provider has stopped or reviews, only it lets go. Write to its support, and answer before you are asked: what
was sent, to whom, where those addresses come from; what will be otherwise. What went wrong, in numbers, and what is
stopped by now stands below, to be copied. Amazon SES wants it as an appeal in its console (Account dashboard).""",
        ),
        Manual(
            "Publish the records the provider misses",
            when=check_mail_provider_domain,
            how="""\
The rows above are what it wants to be published, with names and values as it writes them. Publish them at the name
server that answers for the domain (onboarding/domain-verification asks it), then have the provider look again: its own
last look may be hours old. Mailgun calls a domain unverified while it looks: do not press that for one that sends.""",
        ),
        Manual(
            "Make room in the provider's queue",
            when=check_mail_provider_queue,
            how="""\
Mailgun closes the queue of a domain that has too many messages in it. Stop what fills it, and wait for it to empty: it
opens again by itself. DELETE /v3/<domain>/envelopes drops all that waits, for good, password resets included.""",
        ),
        Step(RestartWorkers(), when=check_mail_provider_failures),
        Manual(
            "Try the failed mails again, once each",
            when=check_mail_provider_failures,
            how="""\
Only what surely was not sent: mails whose request was refused (4xx), or never reached the provider. One that timed out
or was answered 5xx may be with the reader already; ask the provider's log for it first. What bounced hard must not be
tried again at all. email/emails-stuck-queued puts mails back into the queue without sending any twice.""",
        ),
        Manual(
            "Find out why a receiver refuses us",
            when=check_mail_provider_reasons,
            quotes=(check_mail_provider_reasons, check_mail_provider_domain),
            how="""\
A block speaks of us: of the address we send from, of our records, of what we wrote. The receiver's own words stand
below, to be quoted to its postmaster, and most name a page that says what to do.

1. Stop what goes to that receiver for now; each further refusal counts against us.
2. “SPF”, “DKIM”, “DMARC”, “authenticated”: look at onboarding/domain-verification.
3. “listed”, “reputation”, “blocked”: is it the provider's shared address (write to its support) or one of our own (ask
   the list, by its link)?
4. “rate”, “too many”: send more slowly to that receiver.""",
        ),
        Step(SuppressHardBounced(), when=check_mail_provider_bounces),
        Step(PauseForReputation(), when=check_mail_provider_complaints),
        Step(ReleaseWronglySuppressed(), when=check_mail_provider_suppressed),
    ),
    # The provider's own counting is minutes late; that it takes us again is seen at once.
    verification=Verify(hold=timedelta(seconds=60), within=timedelta(minutes=15)),
    prevention=(
        # A restart of the provider's is over after a minute or two: three looks, two of them bad, are no hiccup.
        Watch(check_mail_provider_answers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_mail_provider_key, every=timedelta(minutes=15)),
        Watch(check_mail_provider_rate_limit, every=timedelta(minutes=15), settle=Settle(bad=2, of=3)),
        Watch(check_mail_provider_standing, every=timedelta(minutes=15)),
        Watch(check_mail_provider_failures, every=timedelta(minutes=15)),
        Watch(check_mail_provider_domain, every=timedelta(hours=6)),
    ),
    related=("email/emails-stuck-queued", "email/emergency-stop", "email/deliverability-degradation"),
    drills=(
        Drill(fault=RevokeKey(), noticed_by=check_mail_provider_key, resolved_by=UseSpareKey),
        Drill(fault=LimitRequests(), noticed_by=check_mail_provider_rate_limit, resolved_by=PauseAtLimit),
        Drill(fault=FailRequests(), noticed_by=check_mail_provider_answers, resolved_by=PauseInOutage),
    ),
)
