"""DKIM keys and DMARC policies of the names that mail is written in."""

from __future__ import annotations

from tasks.excerpt import excerpt
from tasks.mail_domain.declared import SHOWN, places, remedy
from tasks.mail_domain.dkim import KEY_BITS, key, published
from tasks.mail_domain.dmarc import Policy, aligned, policy, reports_to, step, takes_reports
from tasks.mail_domain.names import row, spread, to_publish
from tasks.mail_domain.system import MailDomain
from tasks.model import Row, Threshold, Verdict


def dkim_row(mail_domain: MailDomain, name: str, bits: Threshold = KEY_BITS) -> Row:
    """How the key under `name` is, and whether it is the one that is declared."""
    looked = mail_domain.look(name, "TXT")
    found = key(looked, bits)
    verdict, said = found.verdict, found.said
    wanted = [place for place in places(mail_domain.records, mail_domain.look) if place.name == name]
    declared = [one for place in wanted if place.kind == "TXT" for one in place.wanted]
    if verdict is not Verdict.UNKNOWN and declared and found.data and published(declared[0]) != found.data:
        verdict, said = Verdict.BAD, f"{said}, and not the key that is declared: signatures do not fit it"
    publish = ""
    if verdict in (Verdict.BAD, Verdict.WARN) and wanted:
        kept = wanted[0].found if wanted[0].kind != "TXT" else looked.texts
        publish = remedy(name, wanted[0].kind, wanted[0].wanted, kept) + spread(mail_domain, name)
    elif verdict is Verdict.BAD:
        publish = f"Ask whoever signs for the record of {name}, and declare it under `records`."
    return row(
        name,
        verdict,
        said,
        found=[excerpt(text, SHOWN) for text in looked.texts[:3]],
        led_to=list(looked.aliases),
        bits=found.bits,
        remedy=publish,
    )


def dmarc_row(mail_domain: MailDomain, name: str) -> Row:
    """Which policy receivers apply to mail from `name`, and whether honest mail passes it."""
    own = step(mail_domain.look, name)
    found = [excerpt(text, SHOWN) for text in own.records[:3]]
    told = policy(mail_domain.look, name)
    if not isinstance(told, Policy):
        verdict, said = _no_policy(told.looked.answered, len(told.records), told.looked.said)
        suggested = f"v=DMARC1; p=none; rua=mailto:dmarc@{mail_domain.domain}"
        top = name if own.records else mail_domain.domain
        publish = to_publish(mail_domain, f"_dmarc.{top}", "dmarc1", own.records, suggested)
        return row(name, verdict, said, found=found, remedy=publish if verdict is Verdict.BAD else "")
    faults = [*_unaligned(mail_domain, name, told), *_habits(told), *_reports(mail_domain, told)]
    if own.records and told.at != name:
        faults.append((Verdict.WARN, "its own record counts for nothing: there are several, or it cannot be read"))
    verdict = max((one for one, _ in faults), default=Verdict.OK)
    where = "" if told.at == name else f" (by {told.tag}= of {told.at})"
    said = f"has the DMARC policy {told.applies}{where}"
    if faults:
        said += "; " + "; ".join(said for one, said in faults if one is verdict)
    publish = ""
    if verdict is not Verdict.OK:
        at = step(mail_domain.look, told.at).records
        publish = to_publish(mail_domain, f"_dmarc.{told.at}", "dmarc1", at, "")
    return row(
        name, verdict, said, found=found, policy=told.applies, at=told.at, organisation=told.organisation,
        remedy=publish,
    )  # fmt: skip


def _no_policy(answered: bool, records: int, said: str) -> tuple[Verdict, str]:
    if not answered:
        return Verdict.UNKNOWN, f"has a DMARC policy that was not answered: {said}"
    if records > 1:
        return Verdict.BAD, f"has {records} DMARC records, so none counts"
    if records:
        return Verdict.BAD, "has a DMARC record that cannot be read, so it counts for nothing"
    return Verdict.BAD, "has no DMARC policy, neither its own nor of a name above it"


def _unaligned(mail_domain: MailDomain, name: str, told: Policy) -> list[tuple[Verdict, str]]:
    """Honest mail passes by the envelope's domain or by a key's; where neither may count, all of it fails."""
    spf = [
        where
        for where in mail_domain.envelopes
        if aligned(mail_domain.look, name, where, strict=told.tags.get("aspf") == "s")
    ]
    signing = set(mail_domain.keys.values())
    dkim = [where for where in signing if aligned(mail_domain.look, name, where, strict=told.tags.get("adkim") == "s")]
    if not spf and not dkim:
        return [(Verdict.BAD, "no domain of its envelopes or keys is aligned with it: all its mail fails")]
    if signing and not dkim:
        return [(Verdict.WARN, "no DKIM key is aligned with it, and forwarded mail passes by nothing else")]
    return []


def _habits(told: Policy) -> list[tuple[Verdict, str]]:
    faults = [(Verdict.WARN, note) for note in told.notes]
    if told.applies == "none" and "rua" not in told.tags:
        faults.append((Verdict.WARN, "watches only, and sends its reports to nobody (no rua)"))
    return faults


def _reports(mail_domain: MailDomain, told: Policy) -> list[tuple[Verdict, str]]:
    faults = []
    for address, where in reports_to(told.tags).items():
        if not where:
            faults.append((Verdict.WARN, f"“{excerpt(address, 60)}” in rua is no address for reports"))
            continue
        looked = takes_reports(mail_domain.look, told.at, told.organisation, where)
        if looked is not None and looked.void:
            faults.append((Verdict.WARN, f"{where} has not said that it takes reports about {told.at}: none are sent"))
    return faults
