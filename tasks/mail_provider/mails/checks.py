"""What we ask a mail provider about the mails that we gave it: what failed, why, and what readers complained about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tasks.check import check
from tasks.mail.codes import Kind
from tasks.mail.limits import HARD_BOUNCES, LEAST_FOR_COMPLAINTS, LEAST_MAILS
from tasks.mail_provider.reading import shown
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Failure, Volume
from tasks.model import Finding, Row, Threshold
from tasks.postgres.words import count
from tasks.rates import Rate, percent

# What the vendors count by the hour covers up to two; by the day, today and yesterday.
NOW = timedelta(hours=1)

DAY = timedelta(hours=24)

LEAST_ATTEMPTS = 50
MOST_ROWS = 20

FAILURES = Threshold(
    warn=0.05,
    bad=0.10,
    because="Owner: the team on call. Of what the provider attempted: seed S3 alerts when more than 10 % fail; half of "
    "that is worth a look before it does.",
)

BLOCKED = Threshold(
    warn=5,
    bad=20,
    because="Owner: the team on call. In mails of one receiver within an hour: a block speaks of us and not of the "
    "address. A few are any day's; twenty are a listing, or a record that broke, and each further mail makes it worse.",
)
COMPLAINTS = Threshold(
    warn=0.0008,
    bad=0.001,
    because="Owner: the mail provider. Amazon SES reviews a sender at 0.1 %, Mailgun wants it below that. Mailbox "
    "providers, Gmail among them, tell them only a part.",
)


@check
def check_mail_provider_failures(mail_provider: MailProvider, failures: Threshold = FAILURES) -> Finding:
    """Do too many of the mails fail that the provider attempts just now?

    Of those of the last hour, as far back as the provider's counting goes: Mailgun counts by the hour, SendGrid by the
    day. Failed are bounces of every kind and mails it never tried; not those to suppressed addresses, which are told.
    From 50 mails up; of fewer it is WARN only if that many cannot be an accident.
    """
    api = mail_provider.api()
    volume = api.volume(datetime.now(UTC) - NOW)
    rate = Rate(part=volume.failed, whole=volume.attempted, least=LEAST_ATTEMPTS)
    held = f" It held back {count(volume.rate_limited, 'mail')} for our pace." if volume.rate_limited else ""
    dropped = f" {count(volume.suppressed, 'mail')} to suppressed addresses were dropped." if volume.suppressed else ""
    return Finding(
        verdict=rate.judge(failures),
        says=f"{api.name}, {volume.whose}, {_since(volume)}: failed {rate.says('mails')} (bad from "
        f"{percent(failures.bad)}).{held}{dropped}",
        value=rate.value or 0.0,
        unit="ratio",
        facts=_counted(volume),
    )


@check
def check_mail_provider_reasons(mail_provider: MailProvider, blocked: Threshold = BLOCKED) -> Finding:
    """Why do mails fail just now, and does a receiver refuse us for who we are?

    Of the newest failures of the last hour. Judged is how many one receiver blocked: a hard bounce ends an address, a
    soft one passes, and both have questions of their own. The rows are the reasons, the most frequent first.
    """
    api = mail_provider.api()
    failures = api.failures(datetime.now(UTC) - NOW)
    found = failures.found
    kinds = Counter(one.kind for one in found)
    blocks = Counter(one.receiver for one in found if one.kind is Kind.BLOCK)
    worst = max(blocks.values(), default=0)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind])
    by = (
        f"; {max(blocks, key=lambda name: blocks[name])} blocked {worst} (bad from {blocked.bad:,.0f})" if worst else ""
    )
    which = "in the last hour" if failures.whole else "of the newest failures of the last hour"
    return Finding(
        verdict=blocked.judge(worst),
        says=f"{api.name}: {count(len(found), 'mail')} failed {which}{': ' + told if told else ''}{by}.",
        value=float(worst),
        unit="mails",
        facts={str(kind): kinds[kind] for kind in Kind},
        rows=_reasons(found),
    )


@check
def check_mail_provider_bounces(mail_provider: MailProvider, hard: Threshold = HARD_BOUNCES) -> Finding:
    """Do too many addresses turn out not to exist?

    Hard bounces of the last 24 hours, as far back as the provider counts. Amazon SES does not tell kinds apart: all
    bounces count there. From 200 mails up; fewer are said to be too few.
    """
    api = mail_provider.api()
    volume = api.volume(datetime.now(UTC) - DAY)
    bounced = volume.bounced if volume.hard is None else volume.hard
    rate = Rate(part=bounced, whole=volume.attempted, least=LEAST_MAILS)
    which = "bounced, of whatever kind," if volume.hard is None else "hard-bounced"
    others = [f"{told} {kind}" for kind, told in (("soft", volume.soft), ("blocked", volume.blocked)) if told]
    return Finding(
        verdict=rate.judge(hard),
        says=f"{api.name}, {volume.whose}, {_since(volume)}: {which} {rate.says('mails')} (bad from "
        f"{percent(hard.bad)}{'; ' + ', '.join(others) if others else ''}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts=_counted(volume),
    )


@check
def check_mail_provider_complaints(mail_provider: MailProvider, complaints: Threshold = COMPLAINTS) -> Finding:
    """Do too many readers call our mails spam, as far as the provider hears of it?

    Of the mails of the last 24 hours. From 1,000 up: one of fewer is 0.1 % and more.
    """
    api = mail_provider.api()
    volume = api.volume(datetime.now(UTC) - DAY)
    rate = Rate(part=volume.complaints, whole=volume.attempted, least=LEAST_FOR_COMPLAINTS)
    return Finding(
        verdict=rate.judge(complaints),
        says=f"{api.name}, {volume.whose}, {_since(volume)}: complained about were {rate.says('mails')} (bad from "
        f"{percent(complaints.bad)}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts=_counted(volume),
    )


def _reasons(found: Sequence[Failure]) -> list[Row]:
    """Grouped by kind, receiver and codes; what was said is the first one's, without addresses."""
    groups: dict[tuple[str, ...], list[Failure]] = {}
    for one in found:
        groups.setdefault((one.kind, one.receiver, one.reply, one.status), []).append(one)
    return [
        {
            "mails": len(alike),
            "kind": str(alike[0].kind),
            "receiver": alike[0].receiver,
            "code": f"{alike[0].reply} {alike[0].status}".strip(),
            "means": alike[0].means,
            "said": shown(alike[0].said),
            # One of them, for whoever is asked about it; where the vendor tells none, none.
            **({"message": alike[0].message} if alike[0].message else {}),
        }
        for alike in sorted(groups.values(), key=lambda alike: -len(alike))[:MOST_ROWS]
    ]


def _since(volume: Volume) -> str:
    return f"since {volume.since:%Y-%m-%d %H:%M} UTC"


def _counted(volume: Volume) -> Row:
    return {
        "attempted": volume.attempted,
        "bounced": volume.bounced,
        "hard": volume.hard,
        "soft": volume.soft,
        "blocked": volume.blocked,
        "unsent": volume.unsent,
        "complaints": volume.complaints,
        "suppressed": volume.suppressed,
        "deferred": volume.deferred,
        "rate_limited": volume.rate_limited,
    }
