"""What a domain says beside: that mail to it is to be encrypted (MTA-STS), where failures are told (TLS-RPT), its logo.

None of them is asked for by anybody: one that is missing is no fault. One that is there and wrong loses mail.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.dns.looked import Looked
from tasks.excerpt import excerpt
from tasks.mail_domain.dmarc import Policy, policy
from tasks.mail_domain.names import row
from tasks.mail_domain.system import MailDomain
from tasks.mail_domain.tags import InvalidTags, tags
from tasks.model import CannotLook, Row, Verdict

MODES = ("enforce", "testing", "none")
# RFC 8461, 3.2: a year at most, and of less than a day receivers hardly remember anything.
LONGEST_S, SHORTEST_S = 31_557_600, 86_400
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_RUA = re.compile(r"(mailto:[^@\s]+@[^@\s]+|https://\S+)")


@dataclass(frozen=True, kw_only=True)
class Sts:
    """A policy of MTA-STS as the file has it."""

    mode: str
    mx: tuple[str, ...]
    max_age_s: int


def sts_row(mail_domain: MailDomain) -> Row:
    """MTA-STS (RFC 8461): the record, the policy, and whether every mail exchanger is in it."""
    name = f"_mta-sts.{mail_domain.domain}"
    told = _one(mail_domain.look(name, "TXT"), "STSv1")
    if isinstance(told, tuple):
        return row(name, *told)
    if told is None:
        return row(name, Verdict.OK, "is not published: who sends to it may do so unencrypted")
    if not _ID.fullmatch(told.get("id", "")):
        return row(name, Verdict.BAD, "has no id= of letters and digits, so it counts for nothing")
    try:
        found = sts_policy(mail_domain.sts_text())
    except CannotLook as error:
        # Senders then do as if there were none, or by what they remember.
        said = f"is published, and its policy cannot be had: {error.says}"
        return row(name, Verdict.WARN, said, remedy=error.remedy)
    except InvalidTags as error:
        return row(name, Verdict.BAD, f"is published, and its policy cannot be read: {error}")
    return row(name, *_covered(found, mail_domain), mode=found.mode, mx=list(found.mx))


def sts_policy(text: str) -> Sts:
    """The policy in a file (RFC 8461, 3.2).

    Raises:
        InvalidTags: a part is missing, or cannot be meant.
    """
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    found = {name.strip(): value.strip() for name, _, value in reversed(pairs)}
    if found.get("version") != "STSv1":
        raise InvalidTags("version: STSv1 is missing")
    if found.get("mode") not in MODES:
        raise InvalidTags(f"mode is “{excerpt(found.get('mode', ''), 20)}”, not one of {', '.join(MODES)}")
    age = found.get("max_age", "")
    if not re.fullmatch(r"\d{1,10}", age) or int(age) > LONGEST_S:
        raise InvalidTags(f"max_age is “{excerpt(age, 20)}”, and has to be a number of at most {LONGEST_S:,} seconds")
    mx = tuple(value.strip().lower() for name, _, value in pairs if name.strip() == "mx")
    if not mx and found["mode"] != "none":
        raise InvalidTags("it names no mx")
    return Sts(mode=found["mode"], mx=mx, max_age_s=int(age))


def _covered(found: Sts, mail_domain: MailDomain) -> tuple[Verdict, str]:
    records = mail_domain.look(mail_domain.domain, "MX").records
    hosts = [record.partition(" ")[2].removesuffix(".").lower() for record in records]
    left = [host for host in hosts if not is_covered(host, found.mx)]
    if left and found.mode != "none":
        said = f"leaves out {', '.join(left[:3])}, an MX: in mode {found.mode} mail to it"
        if found.mode == "enforce":
            return Verdict.BAD, f"{said} is not delivered"
        return Verdict.WARN, f"{said} is reported"
    if found.max_age_s < SHORTEST_S:
        return Verdict.WARN, f"is forgotten after {found.max_age_s:,} s, before the next mail most often (max_age)"
    return Verdict.OK, f"is in mode {found.mode} and names every MX"


def is_covered(host: str, patterns: Sequence[str]) -> bool:
    """A star stands for one label, the first (RFC 8461, 4.1)."""
    return any(
        host.partition(".")[2] == pattern.removeprefix("*.") if pattern.startswith("*.") else host == pattern
        for pattern in patterns
    )


def tls_row(mail_domain: MailDomain) -> Row:
    """TLS-RPT (RFC 8460)."""
    name = f"_smtp._tls.{mail_domain.domain}"
    told = _one(mail_domain.look(name, "TXT"), "TLSRPTv1")
    if isinstance(told, tuple):
        return row(name, *told)
    if told is None:
        return row(name, Verdict.OK, "is not published: nobody says when mail to it could not be encrypted")
    given = [one.strip() for one in told.get("rua", "").split(",")]
    if not all(_RUA.fullmatch(one) for one in given):
        return row(name, Verdict.WARN, f"has no address for reports in rua= (“{excerpt(told.get('rua', ''), 60)}”)")
    return row(name, Verdict.OK, "says where failures are told")


def bimi_row(mail_domain: MailDomain) -> Row:
    """BIMI: it is shown only where DMARC is strict."""
    name = f"default._bimi.{mail_domain.domain}"
    told = _one(mail_domain.look(name, "TXT"), "BIMI1")
    if isinstance(told, tuple):
        return row(name, *told)
    if told is None:
        return row(name, Verdict.OK, "is not published")
    logo = told.get("l", "")
    if logo and not logo.startswith("https://"):
        return row(name, Verdict.WARN, "names a logo that is not at https://")
    strict = policy(mail_domain.look, mail_domain.domain)
    if not isinstance(strict, Policy) or strict.applies == "none":
        return row(name, Verdict.WARN, "is published, and shown by nobody: DMARC has to quarantine or reject")
    return row(name, Verdict.OK, "is published")


def _one(looked: Looked, version: str) -> dict[str, str] | tuple[Verdict, str] | None:
    """The tags of the one record of `version`; None where there is none; or what is wrong."""
    if not looked.answered:
        return Verdict.UNKNOWN, f"was not answered: {looked.said}"
    there = [text for text in looked.texts if fnmatch.fnmatchcase(text.replace(" ", ""), f"v={version}*")]
    if not there:
        return None
    if len(there) > 1:
        return Verdict.BAD, f"has {len(there)} records, so none counts"
    try:
        return dict(tags(there[0]))
    except InvalidTags as error:
        return Verdict.BAD, f"cannot be read: {error}"
