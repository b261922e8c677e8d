"""Mail goes out and does not arrive: it bounces, lands in spam, or nobody opens it any more."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.reactions.actions import PauseBouncingCampaigns
from tasks.application.reactions.bounces import check_bounces_by_campaign
from tasks.application.reactions.checks import check_complaints, check_opens
from tasks.application.reactions.faults import BounceBlocked
from tasks.bounces.checks import check_feedback_reports, check_returned_by_domain
from tasks.content.checks import check_links, check_mime, check_spam_score, check_unsubscribe_header
from tasks.mail_domain.actions import PublishRecords
from tasks.mail_domain.checks import (
    check_declared_records,
    check_dkim,
    check_dmarc,
    check_domain_blocklists,
    check_ip_blocklists,
    check_mail_name_servers,
    check_reverse_names,
    check_spf,
)
from tasks.mail_domain.faults import PublishSecondSpf
from tasks.mail_provider.access.checks import check_mail_provider_domain, check_mail_provider_standing
from tasks.mail_provider.addresses.actions import SuppressHardBounced
from tasks.mail_provider.addresses.faults import MailDeadAddresses
from tasks.mail_provider.mails.checks import (
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_reasons,
)

runbook = Runbook(
    title="Mail does not arrive",
    problem=(
        "Mail leaves, and fewer and fewer readers see it: it comes back, it lands in spam, or it is refused for who "
        "sends it. Every further mail to people who do not want it, or do not exist, makes the next one arrive less."
    ),
    severity=Severity.P1,
    keywords=(
        "deliverability",
        "spam folder",
        "junk",
        "reputation",
        "bounce rate",
        "complaint rate",
        "open rate",
        "spf",
        "dkim",
        "dmarc",
        "blocklist",
        "blacklist",
        "listed",
        "spamhaus",
        "warm-up",
        "mail",
        "email",
    ),
    symptoms=(
        Symptom(alert="EmailDeliverabilityDegraded"),
        Symptom(alert="HighComplaintRate"),
        Symptom(alert="SenderListed"),
        Symptom(heard="Readers find our mail in their spam folder."),
        Symptom(heard="The open rate fell to half from one week to the next."),
        Symptom(heard="Gmail or Outlook refuse our mail, others take it."),
        Symptom(heard="The mail provider has put the account under review."),
    ),
    diagnosis=(
        check_mail_provider_standing,
        check_mail_provider_domain,
        check_mail_provider_bounces,
        check_mail_provider_complaints,
        check_mail_provider_reasons,
        check_bounces_by_campaign,
        check_complaints,
        check_opens,
        check_returned_by_domain,
        check_feedback_reports,
        check_spf,
        check_dkim,
        check_dmarc,
        check_declared_records,
        check_mail_name_servers,
        check_reverse_names,
        check_ip_blocklists,
        check_domain_blocklists,
        check_spam_score,
        check_links,
        check_unsubscribe_header,
        check_mime,
    ),
    resolution=(
        Step(PauseBouncingCampaigns(), when=check_bounces_by_campaign),
        Step(SuppressHardBounced(), when=check_mail_provider_bounces),
        Step(PublishRecords(), when=check_declared_records),
        Manual(
            "Have the address taken off the list",
            when=check_ip_blocklists,
            quotes=(check_ip_blocklists, check_mail_provider_complaints, check_bounces_by_campaign),
            how="""\
A list that takes an address off while it still sends what it was listed for puts it back for longer, so find the cause
first: one campaign, one leaked password, one server that anybody may send through. Then write, through the link that
the finding names. What was found and what was done since stands below; what only you know is this:

    What happened: <one sentence>
    What else we did: <list cleaned, password changed>
    How we keep it from happening again: <confirmed sign-up, bounces and complaints taken out at once>

An address that others send from, too, is for your provider to have taken off: send them the finding, and
ask for another pool.""",
        ),
        Manual(
            "Have the domain taken off the list",
            when=check_domain_blocklists,
            quotes=(check_domain_blocklists, check_links, check_spam_score),
            how="""\
A domain is listed for what its links lead to as often as for what it sends. Look for a page of yours that forwards
anywhere, for a link shortener in your mails, and for a cracked site. Then ask through the link that the finding names.
Do not go on under another domain meanwhile: lists follow.""",
        ),
        Manual(
            "Write to the provider's support",
            when=check_mail_provider_standing,
            quotes=(
                check_mail_provider_standing,
                check_mail_provider_domain,
                check_mail_provider_bounces,
                check_mail_provider_complaints,
                check_mail_provider_reasons,
                check_bounces_by_campaign,
            ),
            how="""\
What they want to know before they lift anything. What was found, since when, and what was done since stands below; what
only you know is this:

    Account: <…>
    Cause: <campaign, list, where its addresses came from>
    We ask for: <the review to be closed | the reason, with an example message>

Attach one refused message with its headers. Do not open a second account: it is closed with the first.""",
        ),
        Manual(
            "Find out who complains",
            when=check_mail_provider_complaints,
            how="""\
From 0.1 % on Google and Yahoo send the next mails to spam; at 0.3 % they refuse them. Complaints come from people who
did not expect the mail or could not leave: look at the campaign and at where its addresses came from, send only to
those who opened something within ninety days, and put the way off the list where it is found (one click, RFC 8058).""",
        ),
        Manual(
            "Mend the message",
            when=check_spam_score,
            how="""\
The finding names the rules that weigh, heaviest first: mend these, not “spam words”. Then let it be weighed again
(`incident run email/deliverability-degradation`); a test message to a mailbox of your own at Google and at Microsoft
shows in its Authentication-Results what they made of it.""",
        ),
        Manual(
            "Let readers leave by one click",
            when=check_unsubscribe_header,
            how="""\
Both headers, in every mail that is not an answer to the reader:

    List-Unsubscribe: <https://…/leave?of=…>, <mailto:leave@…>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click

The address behind the link takes a POST without a log-in, and a GET there changes nothing: scanners follow links. Both
headers are covered by the DKIM signature.""",
        ),
        Manual(
            "Give each sending address a name that leads back",
            when=check_reverse_names,
            how="""\
Whoever owns the address (the provider, the hoster) publishes its PTR; the name it gives has an A or AAAA record that
leads back to it, and is the name the server gives in EHLO. Without that Gmail refuses outright.""",
        ),
        Manual(
            "Warm up again",
            when=check_bounces_by_campaign,
            how="""\
Once the cause is gone: a tenth of the usual volume, to those who opened something within thirty days, and half as much
again each day on which hard bounces stay below 2 % and complaints below 0.1 %. If either is passed, back to the volume
of two days before. An inbox of its own goes by `playbooks/new-inbox`: 5, 10, 15, 20, then 25 to 40 a day, by week.""",
        ),
    ),
    # What is published is asked for where it is published, and a pause holds at once; the rates follow over days, by
    # the watches.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_mail_provider_bounces, every=timedelta(minutes=30)),
        Watch(check_mail_provider_complaints, every=timedelta(minutes=30)),
        Watch(check_complaints, every=timedelta(hours=1)),
        Watch(check_feedback_reports, every=timedelta(hours=1)),
        Watch(check_ip_blocklists, every=timedelta(hours=1)),
        Watch(check_domain_blocklists, every=timedelta(hours=1)),
        Watch(check_reverse_names, every=timedelta(days=1)),
        Watch(check_unsubscribe_header, every=timedelta(days=1)),
        Watch(check_spam_score, every=timedelta(days=1)),
    ),
    related=(
        "email/high-bounce-rate",
        "email/high-unsubscribe-rate",
        "email/low-engagement",
        "email/emergency-stop",
        "email/delivery-failures",
        "onboarding/domain-verification",
    ),
    drills=(
        Drill(fault=BounceBlocked(), noticed_by=check_bounces_by_campaign, resolved_by=PauseBouncingCampaigns),
        Drill(fault=PublishSecondSpf(), noticed_by=check_spf, resolved_by=PublishRecords),
        Drill(fault=MailDeadAddresses(), noticed_by=check_mail_provider_bounces, resolved_by=SuppressHardBounced),
    ),
)
