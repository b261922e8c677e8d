"""What arrived in the bounce mailbox within a time, taken together, and what of it was not seen."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tasks.amounts import size, stretch
from tasks.bounces.report import Bounce, Complaint, report
from tasks.bounces.system import Bounces
from tasks.excerpt import excerpt
from tasks.mail.addresses import masked_in
from tasks.mail.codes import Kind
from tasks.model import Verdict

# No further letter is opened after it: below what a question has (`Check.limit`).
OPENED_WITHIN_S = 10.0
# So much of a server's words is shown beside an address.
SHOWN_WORDS = 160


@dataclass(kw_only=True)
class Arrived:
    """All reports of a time. `other` letters report nothing; `blind` counts those of which that is not certain.

    `bounces` are told with the Unix time at which their report was delivered.
    """

    bounces: list[tuple[float, Bounce]] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    waiting: int = 0
    praise: int = 0
    other: int = 0
    cut: int = 0
    blind: int = 0
    most_bytes: int
    within_s: float

    @property
    def kinds(self) -> Counter[Kind]:
        return Counter(bounce.reason.kind for _, bounce in self.bounces)

    @property
    def ago(self) -> str:
        return f"in the last {stretch(self.within_s)}"

    def at_least(self, verdict: Verdict) -> Verdict:
        """What was not seen is not well."""
        return max(verdict, Verdict.WARN) if self.blind else verdict

    @property
    def unseen(self) -> str:
        """What was not seen, as sentences; empty if all was."""
        cut = f" Large messages of which only the first {size(self.most_bytes)} were read: {self.cut:,}."
        blind = f" Messages not read, or not as far as a report: {self.blind:,}."
        return (cut if self.cut else "") + (blind if self.blind else "")


def arrived(mailbox: Bounces, within_s: float) -> Arrived:
    """Read every letter of the last `within_s` seconds, newest first, as long as there is time.

    Raises:
        CannotLook: the mailbox, or a letter in it, may not be read.
    """
    post = mailbox.post(within_s)
    told = Arrived(most_bytes=mailbox.most_bytes, within_s=within_s, blind=post.left_out + post.more)
    until = time.monotonic() + OPENED_WITHIN_S
    for done, letter in enumerate(post.letters):
        if time.monotonic() > until:
            told.blind += len(post.letters) - done
            break
        opened = mailbox.opened(letter)
        if opened is None:
            continue
        content, whole = opened
        found = report(content, whole=whole)
        told.bounces += [(letter.at_s, bounce) for bounce in found.bounces]
        told.complaints += found.complaints
        told.waiting += found.waiting
        told.praise += found.praise
        told.cut += found.cut
        told.other += not found.is_one and not found.cut
        told.blind += not found.is_one and found.cut
    return told


def words(bounce: Bounce) -> str:
    """What the server said, as it may be shown: servers repeat the address."""
    return excerpt(masked_in(bounce.said), SHOWN_WORDS)
