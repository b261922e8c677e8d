"""What one message in the bounce mailbox reports: mails that failed, mails that wait, complaints, or nothing of it.

Delivery reports as RFC 3464 and, for internationalized mail, RFC 6533 have them, and as OpenSMTPD writes them, without
the receiving server's words; feedback reports (RFC 5965). Anybody may write to a bounce mailbox: what stands in a
report is told, and proves nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.excerpt import excerpt
from tasks.mail.addresses import Address, NotAnAddress, masked_in, read
from tasks.mail.codes import LONGEST_SAID, Reason, failed, reason
from tasks.mail.parts import Fields, Message, Part, fields_of, taken_apart

# What a mail to many had fail; a report of more is told by its first.
MOST_RECIPIENTS = 1_000
LONGEST_REPORTER = 80
# Of the text for people, where the servers' words are looked for.
MOST_LINES = 5_000
# Recipients in other scripts, written in ASCII (RFC 6533): \x{FC}.
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# RFC 3461: + and = of an original recipient, as some servers leave them.
_XTEXT = {"+2B": "+", "+3D": "="}
_EMPTY_LINE = re.compile(rb"(?:\r?\n[ \t]*){2,}|\r\r")
_SMTP = re.compile(r"\A\s*smtp\s*;\s*", re.IGNORECASE)
_SAID_OF = re.compile(r"\s{0,8}<?([^\s<>:]{1,320})>?:\s+(\S.*)")

# What a reader meant when pressing the button (RFC 5965, 7.3). `not-spam` is praise; `auth-failure` (RFC 6591) is no
# reader at all.
COMPLAINTS = {"abuse", "fraud", "virus", "opt-out", "other"}


@dataclass(frozen=True, kw_only=True)
class Bounce:
    """One mail to one address that was given up. `address` is the one we sent to, as far as the report says."""

    address: Address | None
    reason: Reason
    said: str

    @property
    def domain(self) -> str:
        return self.address.domain if self.address else "…"

    @property
    def masked(self) -> str:
        return self.address.masked if self.address else "…"


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """A reader called our mail spam, or wants no more. `address` only where the report names it: most leave it out."""

    type: str
    address: Address | None
    reporter: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one message reports; all empty: it is something else, an answer of a person's for one.

    `waiting` mails are still being tried; `praise` counts readers who said that it is no spam. `cut`: not all was read.
    """

    bounces: tuple[Bounce, ...] = ()
    waiting: int = 0
    complaints: tuple[Complaint, ...] = ()
    praise: int = 0
    cut: bool = False

    @property
    def is_one(self) -> bool:
        return bool(self.bounces or self.waiting or self.complaints or self.praise)


def report(raw: bytes, *, whole: bool = True) -> Report:
    """What `raw`, a message or with `whole=False` the beginning of one, reports."""
    message = taken_apart(raw, whole=whole)
    if feedback := next(message.of_kind("message/feedback-report"), None):
        return _feedback(feedback, cut=not whole)
    blocks = [
        block
        for part in message.of_kind("message/delivery-status", "message/global-delivery-status")
        for block in itertools.islice(_blocks(part), MOST_RECIPIENTS + 2)
        if block.has("final-recipient") or block.has("original-recipient")
    ]
    told = blocks[:MOST_RECIPIENTS]
    lost = [block for block in told if failed(block.first("action"))]
    words = _words_by_address(message) if any(not block.first("diagnostic-code") for block in lost) else {}
    return Report(
        bounces=tuple(_bounce(block, words) for block in lost),
        waiting=sum(block.first("action").strip().lower() == "delayed" for block in told),
        cut=not whole or len(blocks) > len(told),
    )


def _blocks(part: Part) -> Iterator[Fields]:
    """The blocks of fields in a report: the first tells of the message, each other of one recipient.

    Taken apart here: Python's email makes one block of an internationalized report, and loses blocks of the others
    where only the first is asked for.
    """
    content, _ = part.decoded()
    begin = 0
    for end in _EMPTY_LINE.finditer(content):
        yield fields_of(content[begin : end.start()])
        begin = end.end()
    yield fields_of(content[begin:])


def _bounce(block: Fields, words: dict[str, str]) -> Bounce:
    final, original = _recipient(block.first("final-recipient")), _recipient(block.first("original-recipient"))
    said = block.first("diagnostic-code") or next(
        (words[one.key] for one in (final, original) if one and one.key in words), ""
    )
    return Bounce(
        # Where mail was forwarded, the last address is a stranger's: the one we wrote to is on our list.
        address=original or final,
        reason=reason(said, status=block.first("status")),
        said=_SMTP.sub("", said[:LONGEST_SAID]),
    )


def _recipient(value: str) -> Address | None:
    """`rfc822; jane@example.com`, or `utf-8; j\\x{FC}rgen@example.com`."""
    form, semicolon, text = value.partition(";")
    text = text if semicolon else form
    if form.strip().lower() == "utf-8":
        text = _ESCAPED.sub(_letter, text)
    for written, meant in _XTEXT.items():
        text = text.replace(written, meant)
    try:
        return read(text)
    except NotAnAddress:
        return None


def _letter(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    return chr(number) if number < 0x11_0000 and not 0xD800 <= number < 0xE000 else "�"


def _words_by_address(message: Message) -> dict[str, str]:
    """What the text for people says of each address: `jane@example.com: 550 5.1.1 no such user`."""
    part = next(message.of_kind("text/plain"), None)
    found: dict[str, str] = {}
    if part is None:
        return found
    text, _ = part.text()
    for line in text.splitlines()[:MOST_LINES]:
        if line_said := _SAID_OF.match(line[: 2 * LONGEST_SAID]):
            try:
                found.setdefault(read(line_said[1]).key, line_said[2])
            except NotAnAddress:
                continue
    return found


def _feedback(part: Part, *, cut: bool) -> Report:
    content, _ = part.decoded()
    block = fields_of(content)
    kind = block.first("feedback-type").strip().lower()[:40]
    if kind == "not-spam":
        return Report(praise=1, cut=cut)
    if kind not in COMPLAINTS:
        return Report(cut=cut)
    recipients = block.every("original-rcpt-to")[:MOST_RECIPIENTS] or [""]
    reporter = block.first("reporting-mta").rpartition(";")[2].strip() or block.first("user-agent")
    by = excerpt(masked_in(reporter), LONGEST_REPORTER)
    # `Incidents` says that one report stands for many. It is a stranger's number: each report counts once.
    return Report(
        complaints=tuple(Complaint(type=kind, address=_recipient(one), reporter=by) for one in recipients),
        cut=cut,
    )
