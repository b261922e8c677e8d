"""What we ask of messages before they are sent: would a filter take them, do links hold, is everything filled in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from tasks.check import check
from tasks.content.drafts import Draft, drafts
from tasks.content.links import host_of, wrong_with
from tasks.content.scorers import GREYLIST, NO_ACTION, Score, filter_of, scored
from tasks.content.system import Content
from tasks.content.tokens import tokens
from tasks.content.unsubscribe import unsubscribe
from tasks.excerpt import excerpt
from tasks.mail.addresses import masked_in
from tasks.mail.authentication import METHODS, Results, results
from tasks.model import Finding, Row, Threshold, Verdict

# For all messages together: below what a question has (`Check.limit`).
WEIGHED_WITHIN_S = 11.0
MOST_ROWS = 20
SHOWN = 80

SPAM_SHARE = Threshold(
    warn=0.6,
    bad=1.0,
    because="Owner: the filter. Points, as a share of those from which on it calls a message spam. From 60 % on, one "
    "rule more at the receiver's, who knows our address and its name, does it.",
)
LINKS = Threshold(
    warn=20,
    bad=60,
    because="Owner: the team on call. Links in one message. A newsletter has a dozen; beyond sixty it looks like a "
    "link farm, and nobody reads it.",
)

ONE_CLICK_REMEDY = (
    "Add List-Unsubscribe: <https://…> and List-Unsubscribe-Post: List-Unsubscribe=One-Click, both signed by DKIM. "
    "Python leaves a long address whole with policy.SMTP.clone(max_line_length=998)."
)


@check
def check_spam_score(content: Content, share: Threshold = SPAM_SHARE) -> Finding:
    """Would a spam filter take our messages?

    By the filter that is configured, with the headers added that the sending server adds; without a filter by rules of
    ours, which say how a message is made and know no words. A receiver's filter knows our address and its name, too.
    """
    told = drafts(content)
    until = time.monotonic() + WEIGHED_WITHIN_S
    empty = [draft for draft in told.all if draft.is_empty]
    full = [draft for draft in told.all if not draft.is_empty]
    scores: list[tuple[Draft, Score]] = []
    for draft in full:
        if time.monotonic() > until and scores:
            break
        scores.append((draft, scored(content, draft, until)))
    unweighed = len(full) - len(scores)
    judged = sorted(
        ((_verdict(score, share), score.points / max(score.required, 0.1), draft, score) for draft, score in scores),
        key=lambda one: (-one[0], -one[1], one[2].name),
    )
    verdict = max((one[0] for one in judged), default=Verdict.OK)
    verdict = max(verdict, Verdict.BAD if empty else Verdict.OK, Verdict.WARN if unweighed else Verdict.OK)
    hollow = f" Without a body, and so not weighed: {_named(empty)}." if empty else ""
    late = f" Not weighed, for want of time: {unweighed:,}." if unweighed else ""
    says = f"{filter_of(content)} had nothing to weigh."
    if judged:
        worst, score = judged[0][2], judged[0][3]
        action = f", action “{score.action}”" if score.action else ""
        rules = f", most for {_rules(score, 3)}" if score.rules else ""
        says = (
            f"Of {len(scores):,} messages weighed by {score.by}, {worst.name} has the most: {score.points:.1f} of "
            f"{score.required:.1f} points{action}{rules}."
        )
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{says}{hollow}{late}{told.unread}",
        value=judged[0][1] if judged else None,
        unit="ratio" if judged else "",
        rows=[_score_row(one[2], one[3]) for one in judged[:MOST_ROWS]],
        remedy="Look up the rules by their names, heaviest first, and change what they mean." if verdict else "",
    )


@check
def check_links(content: Content, count: Threshold = LINKS) -> Finding:
    """Do the links look like what they are?

    By their shape alone: none is followed, for a link followed is a click counted.
    """
    told = drafts(content)
    found = [
        (draft, wrong, link) for draft in told.all for link in draft.links for wrong in islice(wrong_with(link), 5)
    ]
    most = max(told.all, key=lambda draft: len(draft.links), default=None)
    links = len(most.links) if most else 0
    verdict = max(count.judge(links), Verdict.WARN if found else Verdict.OK)
    judged = "none is suspicious"
    if found:
        shapes = Counter(wrong for _, wrong, _ in found)
        judged = f"suspicious ({'; '.join(f'{shape}: {times:,}' for shape, times in shapes.most_common(4))})"
    hosts = {host for draft in told.all for link in draft.links if (host := host_of(link))}
    return Finding(
        verdict=told.at_least(verdict),
        says=f"The most links in one of {_messages(told.all)} are {links:,} (bad from {count.bad:,.0f}), to "
        f"{len(hosts):,} hosts in all; {judged}.{told.unread}",
        value=links,
        unit="links",
        rows=[
            {
                "message": draft.name,
                "link": _shown(link.target),
                "words": _shown(link.words),
                "what": wrong,
            }
            for draft, wrong, link in found[:MOST_ROWS]
        ],
        remedy="Link to your own domain over https, and let the words say where it leads." if found else "",
    )


@check
def check_unsubscribe_header(content: Content) -> Finding:
    """Can readers get off the list by their mail program's own button?

    Gmail and Yahoo want List-Unsubscribe with one click (RFC 8058) from whoever sends in bulk. Where the sending server
    or the provider adds the headers, take the samples behind it.
    """
    told = drafts(content)
    if not content.bulk:
        return Finding(
            verdict=told.at_least(Verdict.OK),
            says=f"What is sent is no bulk mail (`bulk = false`), and needs no List-Unsubscribe.{told.unread}",
        )
    read = [(draft, unsubscribe(draft.message.fields)) for draft in told.all]
    wrong = [(draft, way) for draft, way in read if way.wrong]
    missing = [draft for draft, way in read if not way.named]
    verdict = Verdict.BAD if missing else Verdict.WARN if wrong else Verdict.OK
    kinds = Counter(said for _, way in wrong for said in way.wrong)
    said = "; ".join(f"{kind}: {times:,}" for kind, times in kinds.most_common(4))
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{len(read) - len(wrong):,} of {_messages(told.all)} let readers leave by one click"
        f"{f' ({said})' if wrong else ''}.{told.unread}",
        value=len(wrong),
        unit="messages",
        rows=[{"message": draft.name, "what": "; ".join(way.wrong)} for draft, way in wrong[:MOST_ROWS]],
        remedy=ONE_CLICK_REMEDY if verdict else "",
    )


@check
def check_content_tokens(content: Content) -> Finding:
    """Is every placeholder filled in?

    In subject, sender, text, and the words, links and pictures of HTML. A greeting with nothing behind it counts.
    """
    told = drafts(content)
    found = {draft.name: Counter(tokens(_all_words(draft))) for draft in told.all}
    sick = {name: counted for name, counted in found.items() if counted}
    first = next(((name, token) for name, counted in sick.items() for _, token in counted), None)
    shown = f", “{excerpt(first[1], SHOWN)}” in {first[0]} for one" if first else ""
    verdict = Verdict.BAD if sick else Verdict.OK
    rows: list[Row] = [
        {"message": name, "token": excerpt(token, SHOWN), "looks like": looks, "times": times}
        for name, counted in sick.items()
        for (looks, token), times in counted.most_common(5)
    ]
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{len(sick):,} of {_messages(told.all)} would be sent with a placeholder in it{shown}.{told.unread}",
        value=len(sick),
        unit="messages",
        rows=rows[:MOST_ROWS],
        remedy="Hold the campaign, and give the template a default for each value that may be missing." if sick else "",
    )


@check
def check_mime(content: Content) -> Finding:
    """Are the messages put together as mail programs expect it?"""
    told = drafts(content)
    sick = [draft for draft in told.all if draft.wrong]
    kinds = Counter(wrong for draft in sick for wrong in draft.wrong)
    said = "; ".join(f"{kind}: {times:,}" for kind, times in kinds.most_common(4))
    return Finding(
        verdict=told.at_least(Verdict.BAD if sick else Verdict.OK),
        says=f"{len(sick):,} of {_messages(told.all)} are broken{f' ({said})' if sick else ''}.{told.unread}",
        value=len(sick),
        unit="messages",
        rows=[{"message": draft.name, "what": "; ".join(draft.wrong[:5])} for draft in sick[:MOST_ROWS]],
        remedy="Let a library put messages together, never strings." if sick else "",
    )


@check
def check_authentication_results(content: Content) -> Finding:
    """How did receivers judge SPF, DKIM and DMARC of our messages?

    Of messages that were taken from a test mailbox, by the Authentication-Results on top, which its own server wrote.
    What its comment says of the policy tells what would have become of the message.
    """
    told = drafts(content)
    judged = [
        (draft, found)
        for draft in told.all
        if (found := results(draft.message.fields, by=content.receiver)) is not None
    ]
    if not judged:
        who = content.receiver or "any receiver"
        return Finding.unknown(
            f"None of {_messages(told.all)} holds Authentication-Results of {who}.{told.unread}",
            remedy="Send one of each kind to a test mailbox, and put them into the folder as they lie there.",
        )
    rows = [_authentication_row(draft, found) for draft, found in judged]
    failed = [row for row, (_, found) in zip(rows, judged, strict=True) if not _passes(found)]
    weak = [row for row, (_, found) in zip(rows, judged, strict=True) if _passes(found) and not _passes_all(found)]
    verdict = Verdict.BAD if failed else Verdict.WARN if weak else Verdict.OK
    says = f"{len(judged) - len(failed):,} of {len(judged):,} received messages pass DMARC"
    return Finding(
        verdict=told.at_least(verdict),
        says=f"{says}; of those, {len(weak):,} without one of SPF and DKIM.{told.unread}",
        value=len(failed),
        unit="messages",
        rows=[*failed, *weak][:MOST_ROWS],
        remedy="Ask the domain's own records: SPF, DKIM and DMARC." if verdict else "",
    )


def _passes(found: Results) -> bool:
    """DMARC, or, where the receiver writes nothing of it, SPF or DKIM."""
    dmarc = found.of("dmarc")
    return "pass" in (dmarc or (*found.of("spf"), *found.of("dkim")))


def _passes_all(found: Results) -> bool:
    return all("pass" in found.of(method) for method in METHODS)


def _authentication_row(draft: Draft, found: Results) -> Row:
    dmarc = next((one for one in found.all if one.method == "dmarc"), None)
    policy = dmarc.policy if dmarc else {}
    return {
        "message": draft.name,
        "by": excerpt(found.by, SHOWN),
        "from": excerpt(dmarc.properties.get("header.from", ""), SHOWN) if dmarc else "",
        **{method: ", ".join(found.of(method)[:3]) or "–" for method in METHODS},
        "policy": ", ".join(f"{name}={value}" for name, value in policy.items()),
    }


def _verdict(score: Score, share: Threshold) -> Verdict:
    """rspamd says itself what it would do; the others only count."""
    if score.action:
        return {NO_ACTION: Verdict.OK, GREYLIST: Verdict.WARN}.get(score.action, Verdict.BAD)
    return share.judge(score.points / score.required) if score.required > 0 else Verdict.UNKNOWN


def _score_row(draft: Draft, score: Score) -> Row:
    return {
        "message": draft.name,
        "points": round(score.points, 2),
        "required": score.required,
        **({"action": score.action} if score.action else {}),
        "rules": _rules(score, 8),
    }


def _rules(score: Score, most: int) -> str:
    return ", ".join(f"{name} {points:.1f}" for name, points in score.rules[:most] if points)


def _all_words(draft: Draft) -> str:
    """Everything a reader sees or clicks, each on a line of its own."""
    fields = draft.message.fields
    seen = [draft.subject, fields.first("from"), *fields.every("list-unsubscribe"), draft.text]
    return "\n".join([*seen, draft.page.text, *draft.page.attributes])


def _shown(text: str) -> str:
    """Without what is behind a question mark, and with addresses masked: a link may name who gets it."""
    return excerpt(masked_in(text[:500].partition("?")[0].replace("%40", "@")), SHOWN)


def _named(found: Sequence[Draft]) -> str:
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(draft.name for draft in found[:3]) + more


def _messages(found: Sequence[Draft]) -> str:
    return f"{len(found):,} message{'s' * (len(found) != 1)}"
