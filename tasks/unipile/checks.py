"""What we ask Unipile: is it up, does it take our key and our pace, and which accounts are connected?"""

from __future__ import annotations

from collections import Counter

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.paid_api import judged
from tasks.postgres.words import count
from tasks.status_page.checks import reported
from tasks.unipile.system import BEGINNING, Unipile

TOOK = Threshold(
    warn=3,
    bad=8,
    because="Owner: the team on call. Seconds for a list with one account in it, which is Unipile's own and asks "
    "nobody else: whoever waits for LinkedIn through it waits longer still. A question has 20 s in all.",
)


@check
def check_unipile_answers(unipile: Unipile) -> Finding:
    """Does Unipile's API answer, and is it not in trouble?

    5xx, a time-out on the way to LinkedIn among them, silence and a page that is none of the API's are bad. Whatever it
    says of our key or our pace is an answer. Asked up to three times.
    """
    return judged.answers(unipile.said, unipile.knock())


@check
def check_unipile_status(unipile: Unipile) -> Finding:
    """Does Unipile's status page report trouble?"""
    return reported(unipile.status_page)


@check
def check_unipile_key(unipile: Unipile) -> Finding:
    """Does Unipile take our key?

    A 401 may speak of one account, whose user has to connect it again, and not of our key: its type tells.
    """
    return judged.takes_key(unipile.said, unipile.knock(), unipile.about_keys)


@check
def check_unipile_rate_limit(unipile: Unipile) -> Finding:
    """Does Unipile hold us back for asking too much?

    What LinkedIn itself allows an account is less, and told by no header: see Unipile's pages on limits.
    """
    return judged.holds_back(unipile.said, unipile.knock())


@check
def check_unipile_latency(unipile: Unipile, took: Threshold = TOOK) -> Finding:
    """How long does Unipile take for the smallest request?"""
    return judged.in_time(unipile.said, unipile.knock(), took)


@check
def check_unipile_accounts(unipile: Unipile) -> Finding:
    """Is every account connected, and which ones have to be connected again?

    By the status of each source: what is lost still shows what was read before, and brings no new message. One that is
    just beginning is a warning. The name of an account is a person's, and is not shown.
    """
    accounts = unipile.accounts()
    lost = [one for one in accounts if not one.well and one.status not in BEGINNING]
    beginning = [one for one in accounts if one.status in BEGINNING]
    rows: list[Row] = [
        {"account": one.id, "type": one.type, "status": one.status, "means": one.means} for one in (*lost, *beginning)
    ]
    if not accounts:
        return Finding.unknown(
            "Unipile has no account of ours at all.",
            remedy="Is it the right key? Each application of Unipile's has accounts of its own.",
        )
    how = Counter(f"{one.status or 'no status'} ({one.means})" for one in lost)
    said = ", ".join(f"{number} {what}" for what, number in how.most_common(4))
    none = count(len(beginning), "account") + " just beginning" if beginning else "all are connected"
    lost_ones = f"{len(lost)} {'is' if len(lost) == 1 else 'are'} lost: {said}"
    return Finding(
        verdict=Verdict.BAD if lost else Verdict.WARN if beginning else Verdict.OK,
        says=f"Of {count(len(accounts), 'account')} at Unipile {lost_ones if lost else f'none is lost; {none}'}.",
        value=float(len(lost)),
        unit="accounts",
        facts={"accounts": len(accounts)},
        rows=rows[:50],
        remedy="Their users connect them again, each by a link of its own." if lost else "",
    )
