"""What became of a question to name servers, told apart as finely as people have to act on it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """What became of a question. Only the first is an answer with records in it."""

    FOUND = "found"
    NO_SUCH_NAME = "NXDOMAIN"
    NO_SUCH_RECORD = "NODATA"
    # The records are there, and their signatures are not right: to whoever validates the name is gone.
    BOGUS = "DNSSEC failure"
    FAILED = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMED_OUT = "time-out"
    NONSENSE = "no answer that can be read"


# Answers, as opposed to ways of not answering.
ANSWERS = frozenset({Outcome.FOUND, Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_RECORD})
# Of several servers that did not answer, the one that says most about the name is believed.
TELLING = (Outcome.BOGUS, Outcome.FAILED, Outcome.REFUSED, Outcome.NONSENSE, Outcome.TIMED_OUT)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What name servers say of `name`: its `records` of this `kind` (A, AAAA, …) as text, for `ttl_s` seconds.

    `strings` are the character strings of each TXT record, in the order of `records`. `aliases` are the names that
    CNAMEs led through, the last one where the records are, or would be. `why` is what a server said of a failure.
    """

    name: str
    kind: str
    outcome: Outcome
    records: tuple[str, ...] = ()
    ttl_s: int = 0
    strings: tuple[tuple[bytes, ...], ...] = ()
    aliases: tuple[str, ...] = ()
    why: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Each TXT record as one text, its strings put together without a blank, a character for each byte."""
        return tuple(b"".join(parts).decode("latin-1") for parts in self.strings)

    @property
    def answered(self) -> bool:
        return self.outcome in ANSWERS

    @property
    def void(self) -> bool:
        """Is there nothing, and that for certain?"""
        return self.outcome in (Outcome.NO_SUCH_NAME, Outcome.NO_SUCH_RECORD)

    @property
    def said(self) -> str:
        """The outcome as sentences say it, with the server's reason."""
        return f"{self.outcome.value} ({self.why})" if self.why else self.outcome.value
