"""The domain of a user does not verify: SPF, DKIM or DMARC is missing, wrong, or not yet everywhere."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.mail_domain.actions import PublishRecords
from tasks.mail_domain.checks import check_declared_records, check_dkim, check_dmarc, check_spf
from tasks.mail_domain.faults import (
    MisspellDmarc,
    PublishForeignKey,
    PublishSecondSpf,
    RemoveDkim,
    RemoveDmarc,
    RemoveSpf,
)

runbook = Runbook(
    title="A sending domain does not verify",
    problem=(
        "Mail in the name of a domain is refused, or lands in spam, because what receivers look up about it (SPF, "
        "DKIM, DMARC) is missing, wrong, or not what the provider asked to have published."
    ),
    severity=Severity.P2,
    keywords=(
        "domain",
        "domain verification",
        "unverified domain",
        "spf",
        "dkim",
        "dmarc",
        "dns",
        "txt record",
        "cname",
        "selector",
        "permerror",
        "550 5.7.26",
        "unauthenticated",
        "onboarding",
        "deliverability",
    ),
    symptoms=(
        Symptom(alert="DomainVerificationFailed"),
        Symptom(alert="DnsRecordDrifted"),
        Symptom(heard="A user's domain stays “pending” or “unverified” at the mail provider."),
        Symptom(heard="Gmail answers 550 5.7.26: “unauthenticated email is not accepted”."),
        Symptom(heard="Mail goes out, and recipients find it in spam since somebody changed the DNS."),
    ),
    diagnosis=(check_spf, check_dkim, check_dmarc, check_declared_records),
    resolution=(
        Step(PublishRecords(), when=check_declared_records),
        Manual(
            "Send the user the SPF record to publish",
            when=check_spf,
            how="""\
The finding's remedy is the record, beside what stands there now: send both, word by word. Say with it that

1. there may be one SPF record (v=spf1 …) under a name: a second one makes both count for nothing. The old one is
   replaced, not joined by another.
2. other TXT records under the name stay: they are proofs of ownership and the like.
3. most providers want the name without the domain at its end: `@` for the domain itself.""",
        ),
        Manual(
            "Send the user the DKIM key to publish",
            when=check_dkim,
            how="""\
A key above 255 characters stands in several strings, "…" "…", as the remedy shows it. Some providers' pages split it
themselves and want it in one piece, without quotes. Where the remedy is a CNAME, an old TXT record under the name has
to go first: beside an alias there is no other record.

A key that is revoked or not the declared one is the sender's to say: look at its provider's page which selector signs
now, and correct `selectors` and `records` here if they are what is old.""",
        ),
        Manual(
            "Send the user the DMARC record to publish",
            when=check_dmarc,
            how="""\
It stands under `_dmarc.` of the domain, once. A policy of none is enough to be let in by Google and Yahoo; before it is
made stricter, read the reports of a few weeks, for every sender that is not aligned is then refused. A report address
of another domain has to say that it takes them (the finding names the record that is missing there).""",
        ),
        Manual(
            "Verify again",
            when=check_declared_records,
            how="""\
Once the user says that it is done, look here first (`incident run onboarding/domain-verification`): the domain's own
name servers are asked, before which no cache stands, and the remedy names those that do not say the same yet. Then have
the provider look again. What resolvers remember they forget after the time to live of what was there before; of a
name that was not there, after the last number of the zone's SOA record.""",
        ),
    ),
    # Asked at the name servers themselves, so nothing has to be forgotten first.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_declared_records, every=timedelta(hours=1)),
        Watch(check_spf, every=timedelta(hours=6)),
        Watch(check_dkim, every=timedelta(hours=6)),
        Watch(check_dmarc, every=timedelta(hours=6)),
    ),
    related=("email/deliverability-degradation",),
    drills=(
        Drill(fault=RemoveSpf(), noticed_by=check_spf, resolved_by=PublishRecords),
        Drill(fault=PublishSecondSpf(), noticed_by=check_spf, resolved_by=PublishRecords),
        Drill(fault=RemoveDkim(), noticed_by=check_dkim, resolved_by=PublishRecords),
        Drill(fault=PublishForeignKey(), noticed_by=check_dkim, resolved_by=PublishRecords),
        Drill(fault=RemoveDmarc(), noticed_by=check_dmarc, resolved_by=PublishRecords),
        Drill(fault=MisspellDmarc(), noticed_by=check_dmarc, resolved_by=PublishRecords),
    ),
)
