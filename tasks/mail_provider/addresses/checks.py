"""What we ask a mail provider about the addresses it sends nothing to."""

from __future__ import annotations

from collections import Counter

from tasks.check import check
from tasks.mail.addresses import masked
from tasks.mail_provider.addresses.listed import listed, wrongly
from tasks.mail_provider.reading import shown
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Cause, Suppressed
from tasks.model import Finding, Row, Threshold

MOST_ROWS = 20

WRONGLY = Threshold(
    warn=1,
    bad=20,
    because="Owner: the team on call. Each is a reader who hears nothing any more, password resets included, because a "
    "mailbox was full or a server disliked us once. Twenty came from one bad hour, and are worth an approval.",
)


@check
def check_mail_provider_suppressed(mail_provider: MailProvider, readers: Threshold = WRONGLY) -> Finding:
    """Is anybody suppressed at the mail provider who should not be?

    Judged are bounces of which the server's words say nothing against the address. Who complained or unsubscribed is
    counted, and stays. Resend and Amazon SES do not tell what was said; there nobody can be judged.
    """
    api = mail_provider.api()
    told = listed(api)
    sick = wrongly(told)
    causes = Counter(one.cause for one in told.found)
    bounces = [one for one in told.found if one.cause is Cause.BOUNCE]
    counted = ", ".join(f"{causes[cause]:,} {cause}" for cause in Cause if causes[cause])
    least = "" if told.whole else "at least "
    return Finding(
        verdict=readers.judge(len(sick)),
        says=f"{api.name} suppresses {least}{_addresses(len(told.found))}{' (' + counted + ')' if counted else ''}; "
        + _said(sick, bounces, readers),
        value=float(len(sick)),
        unit="addresses",
        facts={"listed": len(told.found), "whole": told.whole, **{str(cause): causes[cause] for cause in Cause}},
        rows=[_row(one) for one in sick[:MOST_ROWS]],
    )


def _said(sick: list[Suppressed], bounces: list[Suppressed], readers: Threshold) -> str:
    if bounces and all(one.kind is None for one in bounces):
        return "what was said to the bounced ones it does not tell."
    which = f"{_addresses(len(sick))} of them" if sick else "none of them"
    return f"{which} for a bounce that says nothing against the address (bad from {readers.bad:,.0f})."


def _addresses(number: int) -> str:
    return f"{number:,} address{'es' if number != 1 else ''}"


def _row(one: Suppressed) -> Row:
    return {
        "address": masked(one.address),
        "kind": str(one.kind),
        "said": shown(one.said),
        "since": one.since.isoformat() if one.since else None,
    }
