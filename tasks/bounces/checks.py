"""What we ask of a bounce mailbox: how many mails came back and why, from where, to whom again, and who complained."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from tasks.amounts import stretch
from tasks.bounces.arrived import arrived, words
from tasks.bounces.report import Bounce
from tasks.bounces.system import Bounces
from tasks.check import check
from tasks.mail.codes import Kind
from tasks.mail.limits import LEAST_FOR_COMPLAINTS
from tasks.model import Finding, Row, Threshold, Verdict

DAY_S = 86_400.0
# Below so many mails in the window one mistyped address moves the rate by half a percent: numbers are judged instead.
ENOUGH_MAILS = 200
# Mails that were on their way when the first report came bounce, too: that says nothing about the list.
ON_ITS_WAY_S = 3_600.0
MOST_ROWS = 20

HARD_RATE = Threshold(
    warn=0.02,
    bad=0.05,
    because="Owner: the mail providers. Hard bounces of all mails. Amazon SES reviews a sender at 5 % and pauses at "
    "10 %; others warn at 4. At 2 % something is wrong with the list, and there is time to mend it.",
)
HARD_FEW = Threshold(
    warn=2,
    bad=5,
    because="Owner: the mail providers, at small numbers. Below 200 mails, or where nobody says how many are sent, a "
    "rate says nothing: two wrong addresses are worth a look, five are no accident.",
)
BLOCKED = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. Mails refused for who sends, or for what it says. One may be one server's rule; "
    "with ten in a day the next mails will be refused as well.",
)
BLOCKED_BY_ONE = Threshold(
    warn=3,
    bad=10,
    because="Owner: the team on call. Blocks by one domain. Three are no accident of one mail; at ten that domain, and "
    "whoever shares its filter, takes nothing more of us.",
)
AGAIN = Threshold(
    warn=1,
    bad=5,
    because="Owner: the team on call. Addresses mailed again after a hard bounce. One may have been imported anew; "
    "with five, nothing suppresses them, and providers count each.",
)
COMPLAINT_RATE = Threshold(
    warn=0.0008,
    bad=0.003,
    because="Owner: Gmail and Yahoo, who want complaints below 0.1 % and never 0.3 %; Amazon SES reviews at 0.1 %.",
)
COMPLAINTS_FEW = Threshold(
    warn=1,
    bad=3,
    because="Owner: Gmail and Yahoo, at small numbers. Of 1,000 mails one complaint is anything from 0.02 to 0.56 %: "
    "one is looked at, three are too many.",
)
# A mailbox that is full three times within two weeks is abandoned.
SOFT_AGAIN = 3

SUPPRESS = "Suppress the addresses that bounced hard, in the application and at the provider, and never delete them."


@check
def check_returned_mails(
    mailbox: Bounces, hard_rate: Threshold = HARD_RATE, hard: Threshold = HARD_FEW, blocked: Threshold = BLOCKED
) -> Finding:
    """How many mails came back, and for which reason?

    By reply code, enhanced status and the server's words together. Soft ones are counted and not judged: a full mailbox
    would wake somebody. Delayed mails are still being tried. Anybody may write to a bounce mailbox: a wave that your
    provider knows nothing of may be forged.
    """
    told = arrived(mailbox, mailbox.window_s)
    kinds = told.kinds
    sent = _sent(mailbox)
    many = sent is not None and sent >= ENOUGH_MAILS
    rate = kinds[Kind.HARD] / sent if sent else 0.0
    judged = hard_rate.judge(rate) if many else hard.judge(kinds[Kind.HARD])
    verdict = max(judged, blocked.judge(kinds[Kind.BLOCK]))
    share = f", {rate:.1%} of the usual {sent:,.0f} mails" if many else ""
    limit = f"{hard_rate.bad:.0%}" if many else f"{hard.bad:,.0f}"
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{_mails(kinds[Kind.HARD])} bounced hard {told.ago}{share} (bad from {limit}); {kinds[Kind.SOFT]:,} "
        f"softly, {kinds[Kind.BLOCK]:,} blocked (bad from {blocked.bad:,.0f}), {kinds[Kind.UNKNOWN]:,} for no reason "
        f"that can be read; still being tried: {told.waiting:,}.{told.unseen}",
        value=rate if many else float(kinds[Kind.HARD]),
        unit="ratio" if many else "mails",
        facts={**{str(kind): kinds[kind] for kind in Kind}, "waiting": told.waiting, "other": told.other},
        rows=_reasons([bounce for _, bounce in told.bounces]),
        remedy=SUPPRESS if judged > Verdict.OK else "",
    )


@check
def check_returned_by_domain(mailbox: Bounces, blocked: Threshold = BLOCKED_BY_ONE) -> Finding:
    """Does one receiving domain refuse us?

    Judged by what is blocked; hard and soft bounces stand beside it.
    """
    told = arrived(mailbox, mailbox.window_s)
    domains: dict[str, list[Bounce]] = defaultdict(list)
    for _, bounce in told.bounces:
        domains[bounce.domain].append(bounce)
    by_blocks = sorted(domains, key=lambda name: (-_of_kind(domains[name], Kind.BLOCK), -len(domains[name]), name))
    if not by_blocks:
        return Finding(
            verdict=told.at_least(Verdict.OK), says=f"No mail came back {told.ago}.{told.unseen}", value=0, unit="mails"
        )
    worst = by_blocks[0]
    blocks = _of_kind(domains[worst], Kind.BLOCK)
    verdict = blocked.judge(blocks)
    said = next((words(one) for one in domains[worst] if one.reason.kind is Kind.BLOCK and one.said), "")
    quoted = f": “{said}”" if said else ""
    says = f"{worst} blocked {_mails(blocks)} of ours {told.ago} (bad from {blocked.bad:,.0f}){quoted}."
    if not blocks:
        says = f"No domain blocked us {told.ago}; most mails came back from {worst}: {len(domains[worst]):,}."
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{says}{told.unseen}",
        value=blocks,
        unit="mails",
        rows=[_domain_row(name, domains[name]) for name in by_blocks[:MOST_ROWS]],
        remedy="Look whether our servers are on a blocklist, and what its page says of why." if verdict else "",
    )


@check
def check_returned_again(mailbox: Bounces, again: Threshold = AGAIN) -> Finding:
    """Is anybody mailed again whose address is known to be dead?

    One hard bounce ends an address; one that bounces again, an hour or more later, was not suppressed. Softly is told
    from three times on. Blocks say nothing about an address.
    """
    told = arrived(mailbox, mailbox.repeats_s)
    known: dict[str, list[tuple[float, Bounce]]] = defaultdict(list)
    for at_s, bounce in sorted(told.bounces, key=lambda one: one[0]):
        if bounce.address:
            known[bounce.address.key].append((at_s, bounce))
    mailed_again = [each for each in known.values() if _hard_again(each)]
    soft = [each for each in known.values() if _soft_again(each)]
    verdict = max(again.judge(len(mailed_again)), Verdict.WARN if soft else Verdict.OK)
    days = stretch(mailbox.repeats_s)
    were = "was" if len(mailed_again) == 1 else "were"
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{_addresses(len(mailed_again))} bounced hard and {were} mailed again "
        f"within {days} (bad from {again.bad:,.0f}); {_addresses(len(soft))} bounced softly {SOFT_AGAIN} times or more."
        f"{told.unseen}",
        value=len(mailed_again),
        unit="addresses",
        rows=[_address_row(each) for each in sorted([*mailed_again, *soft], key=len, reverse=True)[:MOST_ROWS]],
        remedy=SUPPRESS if verdict else "",
    )


@check
def check_feedback_reports(
    mailbox: Bounces, rate: Threshold = COMPLAINT_RATE, few: Threshold = COMPLAINTS_FEW
) -> Finding:
    """How many readers called our mail spam?

    From feedback reports (ARF) that arrive in the bounce mailbox. Gmail sends none: its rate stands in Postmaster
    Tools. Each report counts once, whatever number it claims.
    """
    told = arrived(mailbox, mailbox.window_s)
    complaints = len(told.complaints)
    sent = _sent(mailbox)
    many = sent is not None and sent >= LEAST_FOR_COMPLAINTS
    share = complaints / sent if sent else 0.0
    verdict = rate.judge(share) if many else few.judge(complaints)
    limit = f"{rate.bad:.1%} of the usual {sent:,.0f} mails" if many else f"{few.bad:,.0f}"
    kinds = Counter((one.type, one.reporter, one.address.masked if one.address else "…") for one in told.complaints)
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{complaints:,} reader{'s' * (complaints != 1)} complained {told.ago} (bad from {limit}).{told.unseen}",
        value=share if many else float(complaints),
        unit="ratio" if many else "complaints",
        facts={"complaints": complaints, "not spam": told.praise},
        rows=[
            {"type": kind, "reported by": by, "address": address, "reports": count}
            for (kind, by, address), count in kinds.most_common(MOST_ROWS)
        ],
        remedy="Suppress who complained, and look which campaign it was." if verdict else "",
    )


def _sent(mailbox: Bounces) -> float | None:
    """How many mails usually go out in the window; None where nobody says it."""
    return None if mailbox.mails_a_day is None else mailbox.mails_a_day * mailbox.window_s / DAY_S


def _of_kind(bounces: Sequence[Bounce], kind: Kind) -> int:
    return sum(bounce.reason.kind is kind for bounce in bounces)


def _hard_again(bounces: Sequence[tuple[float, Bounce]]) -> bool:
    times = [at_s for at_s, bounce in bounces if bounce.reason.kind is Kind.HARD]
    return bool(times) and times[-1] - times[0] >= ON_ITS_WAY_S


def _soft_again(bounces: Sequence[tuple[float, Bounce]]) -> bool:
    return sum(bounce.reason.kind is Kind.SOFT for _, bounce in bounces) >= SOFT_AGAIN


def _reasons(bounces: Sequence[Bounce]) -> list[Row]:
    """Why mails came back, the most frequent reason first, each with one server's words."""
    counted = Counter((bounce.reason.kind, bounce.reason.means) for bounce in bounces)
    said = {(bounce.reason.kind, bounce.reason.means): words(bounce) for bounce in reversed(bounces)}
    return [
        {"kind": str(kind), "why": means, "mails": count, "for one": said[kind, means]}
        for (kind, means), count in counted.most_common(MOST_ROWS)
    ]


def _domain_row(name: str, bounces: Sequence[Bounce]) -> Row:
    return {"domain": name, **{str(kind): _of_kind(bounces, kind) for kind in Kind}}


def _address_row(bounces: Sequence[tuple[float, Bounce]]) -> Row:
    last = bounces[-1][1]
    kinds = [bounce for _, bounce in bounces]
    return {
        "address": last.masked,
        **{str(kind): _of_kind(kinds, kind) for kind in (Kind.HARD, Kind.SOFT)},
        "last said": words(last),
    }


def _mails(count: int) -> str:
    return f"{count:,} mail{'s' * (count != 1)}"


def _addresses(count: int) -> str:
    return f"{count:,} address{'es' * (count != 1)}"
