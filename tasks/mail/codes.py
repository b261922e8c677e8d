"""Why a mail was not taken: for good, for now, or for who sent it.

By the three things a server says: its reply code (RFC 5321), the enhanced status code (RFC 3463) and its own words.
None of them is enough alone. Postfix reports `550 4.2.2` as Status 5.0.0, Exim reports 5.0.0 always, and a bare 550 may
mean that nobody lives there, or that the server dislikes us.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import cache

from tasks.model import Row

# Servers say their reason in the first lines; what is longer was written by somebody else.
LONGEST_SAID = 2_000


class Kind(enum.StrEnum):
    """What a bounce says about the address."""

    HARD = "hard"  # nobody can be reached there: never send there again
    SOFT = "soft"  # for now: it may be taken later
    BLOCK = "block"  # refused for who sends, or for what it says: nothing is said about the address
    UNKNOWN = "unknown"  # no reason is given that can be read


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One row of the table: it is met when every column that it fills is met.

    `words`: one of these phrases; a `*` stands for the rest of a word. `statuses`: one of these enhanced codes, `x` for
    either class, `5.1` for all that begin so. `replies`: one of these reply codes, `55` for 550 to 559.
    """

    kind: Kind
    means: str
    words: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()

    def met(self, said: Said) -> bool:
        return (
            (not self.words or bool(_phrases(self.words).search(said.words)))
            and (not self.statuses or any(_begins(status, said.status, ".") for status in self.statuses))
            and (not self.replies or any(_begins(reply, said.reply, "") for reply in self.replies))
        )


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a server said, taken apart: `550`, `5.1.1`, and its words in small letters, without addresses.

    `passing`: a code of class 4 is among what was said, wherever.
    """

    reply: str = ""
    status: str = ""
    words: str = ""
    passing: bool = False


@dataclass(frozen=True, kw_only=True)
class Reason:
    """The kind of a bounce, and the row of the table that decided; `reply` and `status` are empty where none stood."""

    kind: Kind
    means: str
    reply: str = ""
    status: str = ""


# Read from above; the first row that is met decides. Who blocks us says nothing about the address, even where the words
# "user" and "rejected" stand beside it, so that comes first; then what passes; only then what ends an address.
TABLE: tuple[Sign, ...] = (
    Sign(
        kind=Kind.HARD,
        means="Exchange knows no such recipient.",
        words=("recipient address rejected: access denied",),
        statuses=("5.4.1",),
    ),
    Sign(
        kind=Kind.SOFT,
        means="Greylisting: it is taken when it is sent again.",
        words=("greylist*", "graylist*", "grey list*", "gray list*"),
    ),
    Sign(
        kind=Kind.BLOCK,
        means="Our address or server is on a blocklist, or has a bad name.",
        words=(
            *(
                "blacklist*",
                "black list*",
                "blocklist*",
                "block list*",
                "blocked",
                "banned",
                "dnsbl",
                "rbl",
                "listed by",
            ),
            *("reputation", "spamhaus", "spamcop", "barracuda*", "sorbs", "uceprotect", "senderscore", "talos*"),
            *("user complaints", "poor rating"),
        ),
    ),
    Sign(
        kind=Kind.BLOCK,
        means="What we send is taken for spam.",
        words=(
            "spam",
            "spammy",
            "junk mail",
            "unsolicited",
            "bulk mail",
            "virus",
            "malware",
            "phishing",
            "content rejected",
        ),
    ),
    Sign(
        kind=Kind.BLOCK,
        means="SPF, DKIM or DMARC of our domain fails.",
        words=("spf", "dkim", "dmarc", "unauthenticated", "not authenticated", "authentication required"),
    ),
    Sign(
        kind=Kind.BLOCK,
        means="Our sender address or server is refused.",
        words=(
            *(
                "sender address rejected",
                "sender rejected",
                "sender denied",
                "sender verify failed",
                "client host rejected",
            ),
            *(
                "helo command rejected",
                "reverse dns",
                "ptr record",
                "rdns",
                "not allowed to send",
                "relay access denied",
            ),
            *("relaying denied", "relay not permitted", "unable to relay"),
        ),
    ),
    Sign(
        kind=Kind.BLOCK,
        means="We send too much at once.",
        words=("rate limit*", "too many messages", "too many connections", "unusual rate", "throttl*"),
    ),
    Sign(
        kind=Kind.SOFT,
        means="The mailbox is full.",
        words=(
            *("mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded", "exceeded storage"),
            *("exceeds quota", "out of storage space", "storage allocation", "insufficient system storage"),
        ),
    ),
    Sign(kind=Kind.SOFT, means="The mailbox is full.", statuses=("x.2.2",)),
    Sign(
        kind=Kind.BLOCK,
        means="A rule of the receiving server refuses it.",
        words=("policy", "policies", "access denied", "not accepted from", "prohibited"),
    ),
    Sign(
        kind=Kind.HARD,
        means="Nobody has that address.",
        words=(
            *(
                "user unknown",
                "unknown user",
                "no such user",
                "user not found",
                "user doesn't exist",
                "no such mailbox",
            ),
            *("mailbox not found", "unknown recipient", "recipient unknown", "recipient not found", "no mailbox here"),
            *("invalid recipient", "invalid mailbox", "no such recipient", "address unknown", "unknown address"),
            *("does not exist", "no such address", "unrouteable address", "not our customer", "undeliverable address"),
        ),
    ),
    Sign(
        kind=Kind.HARD,
        means="The mailbox is closed.",
        words=(
            "account disabled",
            "mailbox disabled",
            "account is disabled",
            "is inactive",
            "account has been disabled",
        ),
    ),
    Sign(
        kind=Kind.HARD,
        means="The domain does not exist or takes no mail.",
        words=("domain not found", "host not found", "no such domain", "nullmx", "does not accept mail", "nxdomain"),
    ),
    Sign(kind=Kind.HARD, means="Nobody has that address.", words=("mailbox unavailable",), replies=("550",)),
    Sign(
        kind=Kind.BLOCK,
        means="Our sender address is refused.",
        statuses=("x.1.7", "x.1.8"),
    ),
    Sign(
        kind=Kind.HARD,
        means="The mailbox or the domain has another owner now.",
        statuses=("5.7.17", "5.7.18"),
    ),
    Sign(kind=Kind.BLOCK, means="Refused for security or by a rule (X.7).", statuses=("x.7",)),
    Sign(kind=Kind.HARD, means="The address is wrong (X.1).", statuses=("5.1",)),
    Sign(kind=Kind.HARD, means="The mailbox is closed.", statuses=("5.2.1",)),
    Sign(kind=Kind.HARD, means="No way leads to that domain.", statuses=("5.4.4",)),
    Sign(kind=Kind.SOFT, means="The message is too large for that mailbox or server.", statuses=("x.2.3", "x.3.4")),
    Sign(
        kind=Kind.SOFT,
        means="The receiving server or the way to it was in trouble (X.3, X.4).",
        statuses=("x.3", "x.4"),
    ),
    Sign(kind=Kind.SOFT, means="It may be taken later (class 4).", statuses=("4",)),
    Sign(kind=Kind.SOFT, means="It may be taken later (class 4).", replies=("4",)),
    Sign(kind=Kind.HARD, means="Nobody has that address.", replies=("551", "553")),
    Sign(kind=Kind.SOFT, means="The mailbox is full.", replies=("552",)),
)
_NO_SIGN = "Refused, and nothing says why: it may be the address, or us."

_BOTH = re.compile(r"(?<![\w.])([245]\d\d)[ -]+#?([245]\.\d{1,3}\.\d{1,3})(?![\w.]*\d)")
# Alone, three digits count only where a reply begins: text is full of other numbers.
_REPLY = re.compile(r"(?:^|[:;]|<<<)\s*([245]\d\d)(?=[ -]|$)")
_STATUS = re.compile(r"(?<![\w.])#?([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_WHOLE_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_TYPE = re.compile(r"\s*[A-Za-z0-9-]{1,20}\s*;")
_MAIL = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,255}")
_PATH = re.compile(r"(https?://[^\s/?#]{1,255})\S*")


def reason(said: str, *, status: str = "", reply: int | None = None) -> Reason:
    """Of which kind a bounce is.

    `said` is what the receiving server said, as a Diagnostic-Code or a provider's event has it, with or without
    `smtp;` and codes in front; `status` the Status field of the report; `reply` the reply code where a provider tells
    it apart. Of `said` the first `LONGEST_SAID` characters are read. What is in `said` counts before `status`.

    HARD is said only where nothing that was said is of class 4: an address that is ended by mistake is lost.
    """
    apart = taken_apart(said, status=status, reply=reply)
    sign = next((sign for sign in TABLE if sign.met(apart) and not (sign.kind is Kind.HARD and apart.passing)), None)
    kind, means = (sign.kind, sign.means) if sign else (Kind.UNKNOWN, _NO_SIGN)
    return Reason(kind=kind, means=means, reply=apart.reply, status=apart.status)


def failed(action: str) -> bool:
    """Does the Action field of a report say that the mail is lost? `delayed` does not: it is still being tried."""
    return action.strip().lower() == "failed"


def table() -> list[Row]:
    """The table as people are shown it (README.md), in the order in which it is read."""
    return [
        {
            "kind": str(sign.kind),
            "means": sign.means,
            "reply": ", ".join(f"{reply:x<3}" for reply in sign.replies),
            "status": ", ".join(_spelt(status) for status in sign.statuses),
            "words": ", ".join(sign.words),
        }
        for sign in TABLE
    ]


def taken_apart(said: str, *, status: str = "", reply: int | None = None) -> Said:
    """The codes and the words in `said`; codes that it lacks are `status` and `reply`."""
    text = " ".join(said[:LONGEST_SAID].split())
    text = text[found.end() :].lstrip() if (found := _TYPE.match(text)) else text
    both, alone, enhanced = _BOTH.search(text), _REPLY.search(text), _STATUS.search(text)
    told = both[1] if both else alone[1] if alone else ""
    detail = both[2] if both else enhanced[1] if enhanced else ""
    field = found[1] if (found := _WHOLE_STATUS.match(status[:32])) else ""
    # In front of the reply stands what our own server says of the way there: "host mx.example.com said: 550 …".
    begin = min((found.start(1) for found in (both or alone, both or enhanced) if found), default=0)
    classes = {code[0] for code in (told or str(reply or ""), detail or field) if code}
    return Said(
        reply=told or (str(reply) if reply else ""),
        status=detail or field,
        words=_words(text[begin:]),
        passing="4" in classes,
    )


def _words(text: str) -> str:
    """Small letters, without what is no word of the server's: addresses, paths of links, codes at each line's head."""
    text = _BOTH.sub(" ", _MAIL.sub(" ", _PATH.sub(r"\1", text)))
    return " ".join(re.sub(r"[-_/]", " ", text.lower().replace("’", "'")).split())


@cache
def _phrases(words: tuple[str, ...]) -> re.Pattern[str]:
    each = (re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(each)})(?!\w)")


def _begins(wanted: str, code: str, between: str) -> bool:
    """`x.7` begins 5.7.1 and 4.7.0, not 5.70.1; `55` begins 550."""
    wanted = wanted.replace("x", code[:1], 1) if code else wanted
    return code == wanted or code.startswith(wanted + between)


def _spelt(status: str) -> str:
    return ".".join([*status.split("."), "*", "*"][:3])
