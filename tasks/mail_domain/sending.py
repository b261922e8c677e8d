"""SPF of one name: what receivers answer for each address mail leaves from, and what waits to go wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from tasks.excerpt import excerpt
from tasks.mail_domain.declared import SHOWN
from tasks.mail_domain.names import row, to_publish
from tasks.mail_domain.spf.judge import Judged, judged, surveyed
from tasks.mail_domain.spf.macros import Sender
from tasks.mail_domain.spf.record import InvalidRecord, Mechanism, Record, is_spf, parsed
from tasks.mail_domain.system import MailDomain
from tasks.model import Row, Threshold, Verdict

SPF_LOOKUPS = Threshold(
    warn=9,
    bad=11,
    because="Owner: RFC 7208, 4.6.4: at the eleventh look-up receivers give up with an error, and SPF counts for "
    "nothing. One provider more, or one include more of theirs, is a look-up or two.",
)
# RFC 7208, 3.4: a record should fit into an answer over UDP as small as any.
LONGEST_RECORD = 450
# Stands for an address that sends nothing, where none is declared: a survey matches none anyway.
NOBODY = ipaddress.ip_address("192.0.2.1")
MOST_SHOWN = 5
# Nobody sends from more: no network that was ever handed out is larger.
WIDEST = {4: 8, 6: 16}


def spf_row(mail_domain: MailDomain, name: str, lookups: Threshold = SPF_LOOKUPS) -> Row:
    """How SPF stands for mail from `name`."""
    senders = [_sender(name, ip) for ip in mail_domain.sends_from or (NOBODY,)]
    survey = surveyed(mail_domain.look, senders[0], name)
    there = [text for text in mail_domain.look(name, "TXT").texts if is_spf(text)]
    if survey.result in ("none", "temperror", "permerror"):
        verdict, said = _broken(survey, there)
    else:
        own = [judged(mail_domain.look, sender, name) for sender in senders] if mail_domain.sends_from else []
        verdict, said = _judged(survey, own, mail_domain, lookups)
    publish = "" if verdict in (Verdict.OK, Verdict.UNKNOWN) else _publish(mail_domain, name, there)
    return row(
        name,
        verdict,
        said,
        found=[excerpt(text, SHOWN) for text in there[:MOST_SHOWN]],
        lookups=survey.lookups,
        voids=survey.voids,
        remedy=publish,
    )


def _sender(name: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Sender:
    return Sender(ip=ip, mail=f"postmaster@{name}", helo=name)


def _broken(survey: Judged, there: Sequence[str]) -> tuple[Verdict, str]:
    if survey.result == "temperror":
        return Verdict.UNKNOWN, f"has an SPF record that cannot be judged now: {survey.why}"
    if survey.result == "none":
        return Verdict.BAD, "has no SPF record"
    if len(there) > 1:
        return Verdict.BAD, f"has {len(there)} SPF records, so none counts (permerror)"
    return Verdict.BAD, f"has an SPF record that is an error to receivers (permerror): {survey.why}"


def _judged(survey: Judged, own: Sequence[Judged], mail_domain: MailDomain, lookups: Threshold) -> tuple[Verdict, str]:
    """Of everything that is wrong with a record that can be read, the worst."""
    record = parsed(survey.record)
    verdict = lookups.judge(survey.lookups)
    told = [(verdict, f"takes {survey.lookups} look-ups (bad from {lookups.bad:.0f})")]
    if survey.voids > 2:
        told.append((Verdict.BAD, f"has {survey.voids} look-ups that lead to nothing; at the third it is an error"))
    for ip, one in zip(mail_domain.sends_from, own, strict=False):
        if one.result == "temperror":
            told.append((Verdict.UNKNOWN, f"cannot be judged for {ip} now: {one.why}"))
        elif one.result != "pass":
            told.append((Verdict.BAD, f"does not allow {ip}: {one.result} by {excerpt(one.why, 80)}"))
    told += _habits(record)
    worst = max(verdict for verdict, _ in told)
    if worst is Verdict.OK:
        allowed = f", allows {len(own)} of {len(own)} addresses" if own else ""
        return worst, f"has an SPF record{allowed} and takes {survey.lookups} look-ups (bad from {lookups.bad:.0f})"
    return worst, "; ".join(dict.fromkeys(said for verdict, said in told if verdict is worst))


def _habits(record: Record) -> list[tuple[Verdict, str]]:
    """What is valid, and unwise."""
    told = []
    last = next((one.result for one in record.mechanisms if one.name == "all"), "")
    if last == "pass":
        told.append((Verdict.BAD, "says +all: everybody may send in its name"))
    elif last == "neutral" or not (last or record.redirect):
        told.append((Verdict.WARN, "says nothing about who else sends (no -all or ~all at its end)"))
    told += [(Verdict.BAD, f"lets in everybody by {one.text}") for one in record.mechanisms if _is_everybody(one)][:1]
    if any(one.name == "ptr" for one in record.mechanisms):
        told.append((Verdict.WARN, "uses ptr, which is slow and which RFC 7208 asks not to use"))
    if len(record.text) > LONGEST_RECORD:
        told.append((Verdict.WARN, f"has an SPF record of {len(record.text)} characters, too long for some answers"))
    return told


def _is_everybody(one: Mechanism) -> bool:
    return one.network is not None and one.result == "pass" and one.network.prefixlen < WIDEST[one.network.version]


def _publish(mail_domain: MailDomain, name: str, there: Sequence[str]) -> str:
    return to_publish(mail_domain, name, "spf1", there, _suggested(mail_domain, there))


def _suggested(mail_domain: MailDomain, there: Sequence[str]) -> str:
    """Where nothing is declared: one record of all terms that stand there, and of the addresses mail leaves from."""
    terms: list[str] = []
    for text in there:
        try:
            terms += [one.text for one in parsed(text).mechanisms if one.name not in ("all", "ptr")]
        except InvalidRecord:
            continue
    own = [f"ip{ip.version}:{ip}" for ip in mail_domain.sends_from]
    wanted = list(dict.fromkeys([*terms, *(term for term in own if term not in terms)]))
    return f"v=spf1 {' '.join(wanted)} ~all" if wanted else ""
