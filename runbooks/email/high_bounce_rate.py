"""Too many mails come back: addresses that do not exist, mailboxes that refuse, providers that block the sender."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.control.actions import StopSending
from tasks.application.leads import EndEnrolmentsOfInvalid, EndEnrolmentsOfRefused, MarkAddressesInvalid
from tasks.application.reactions.actions import PauseBouncingCampaigns
from tasks.application.reactions.bounces import (
    check_bounced_leads,
    check_bounces_by_campaign,
    check_bounces_by_domain,
    check_captured_addresses,
    check_mail_to_invalid_leads,
    check_refused_leads,
    check_sender_blocked,
)
from tasks.application.reactions.faults import BounceBlocked, BounceHard, BounceSoft

runbook = Runbook(
    title="Too many mails come back",
    problem=(
        "Mails bounce: addresses do not exist, mailboxes refuse them, or a provider blocks the sender. Who goes on "
        "sending loses the reputation first, then the account: providers review a sender at 5 % and pause it at 10 %."
    ),
    severity=Severity.P1,
    keywords=(
        "bounce",
        "bounces",
        "bounce rate",
        "hard bounce",
        "soft bounce",
        "blocked",
        "invalid address",
        "user unknown",
        "mailbox full",
        "deliverability",
        "list hygiene",
        "5.1.1",
        "5.7.1",
        "mail",
        "email",
    ),
    symptoms=(
        Symptom(alert="HighBounceRate"),
        Symptom(alert="EmailBounceRateHigh"),
        Symptom(heard="The provider warns that the bounce rate is too high, or has put the account under review."),
        Symptom(heard="A campaign to an imported list bounces."),
        Symptom(heard="Mails to one mailbox provider all come back."),
    ),
    diagnosis=(
        check_sender_blocked,
        check_bounces_by_campaign,
        check_bounced_leads,
        check_refused_leads,
        check_mail_to_invalid_leads,
        check_bounces_by_domain,
        check_captured_addresses,
    ),
    resolution=(
        # Each further mail makes a block worse: first of all, and whatever campaign it is.
        Step(StopSending(), when=check_sender_blocked),
        Manual(
            "Find out why the sender is blocked",
            when=check_sender_blocked,
            how="""\
Blocked bounces ('550 5.7.1', 'blocked', 'spam', a blocklist's name) say that the sender is not wanted, whatever the
address. Is the domain or address on a blocklist, do SPF, DKIM and DMARC still pass, did content or volume change, was a
key stolen? Lift the stop only with the cause known, a little at first (playbooks/resume-sending).""",
        ),
        Step(PauseBouncingCampaigns(), when=check_bounces_by_campaign),
        Step(MarkAddressesInvalid(), when=check_bounced_leads),
        Step(EndEnrolmentsOfRefused(), when=check_refused_leads),
        Step(EndEnrolmentsOfInvalid(), when=check_mail_to_invalid_leads),
        Manual(
            "Lower the volume",
            when=check_bounces_by_campaign,
            how="""\
Before the campaign is resumed: halve its daily volume, and that of its inboxes. Raise it by a fifth a day as long as
hard bounces stay below 2 %; a new list starts with its most engaged readers. If one domain refuses (see bounces by
domain), slow down to that domain only, and look at its postmaster page.""",
        ),
        Manual(
            "Keep bad addresses from being taken in",
            when=check_bounced_leads,
            how="""\
Look where the bounced leads came from: one form, one import, one purchase. At capture: refuse what has no address's
form, ask the domain for its MX (no answer is no refusal: ask again later), and confirm by a mail with a link before the
first campaign. Import lists only through the same door. Do not delete bounced leads: a marked one stays out, a deleted
one comes back with the next import.""",
        ),
    ),
    # The rows hold their new values when the step commits; half a minute shows whether a job writes the old ones again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_sender_blocked, every=timedelta(minutes=15)),
        Watch(check_bounces_by_campaign, every=timedelta(minutes=15)),
        Watch(check_bounced_leads, every=timedelta(hours=1)),
        Watch(check_refused_leads, every=timedelta(days=1)),
        Watch(check_mail_to_invalid_leads, every=timedelta(hours=1)),
    ),
    related=("email/emergency-stop", "email/high-unsubscribe-rate"),
    drills=(
        Drill(fault=BounceHard(), noticed_by=check_bounced_leads, resolved_by=MarkAddressesInvalid),
        Drill(fault=BounceSoft(), noticed_by=check_refused_leads, resolved_by=EndEnrolmentsOfRefused),
        Drill(fault=BounceBlocked(), noticed_by=check_bounces_by_campaign, resolved_by=PauseBouncingCampaigns),
    ),
)
