"""Which lines are worth being taken apart: told from a few bytes, for most are not, and there are millions.

Searching for words one by one is sixty times as fast as one expression for all of them that ignores case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Hint(Protocol):
    """Never says no to a line that would count; yes costs time only."""

    def within(self, block: bytes) -> Hint | None:
        """The hint for the lines of `block`; None if no line of it can count."""

    def __call__(self, line: bytes) -> bool: ...


ERRORS = (
    b"error", b"fatal", b"crit", b"panic", b"emerg", b"alert", b"severe", b"exception", b"traceback", b"uncaught",
    b"unhandled", b"err]", b"err:", b" err ", b"=err", b'"err"', b'level":5', b'level":6', b'level": 5', b'level": 6',
    b'short_message"', b'"priority"', b'" 5', b'status":5', b'status":"5', b'status": 5', b'code":5', b'code":"5',
    b'code": 5',
)  # fmt: skip
# pino, bunyan and winston begin so: what is less than an error is told by the first bytes.
NO_ERRORS = tuple(
    f'{{"level":{level}'.encode() for level in (10, 20, 30, 40, '"info"', '"debug"', '"warn"', '"http"', '"verbose"')
)
LOGINS = (
    b"login", b"log in", b"log-in", b"signin", b"sign in", b"sign-in", b"auth", b"passw", b"credential",
    b"invalid user", b"passcode", b" otp", b"/session", b"/token",
)  # fmt: skip
MAIL = (
    b"bounc", b"defer", b"reject", b"complain", b"spamreport", b"spam_complaint", b"undeliver", b"dropped", b"blocked",
    b"suppress", b"delay", b"_fail", b"email.failed", b" ** ", b" == ",
)  # fmt: skip
DURATIONS = (
    b"dura",
    b"laten",
    b"elapsed",
    b"took",
    b"_ms",
    b"_time",
    b"responsetime",
    b"time_",
    b'"ms"',
    b"_us",
    b"_ns",
    b" rt=",
)
# Each answered request's line names its protocol, or has a status in a field; Fastify's first one has a `reqId`.
REQUESTS = (b"http/", b"status", b"reqid", b" ms", b' 1.1" ', b' 2" ')


class Words:
    """Is one of `words` (in small letters) in a line that does not begin like one of `never`?"""

    def __init__(self, words: Iterable[bytes], *, never: tuple[bytes, ...] = ()) -> None:
        self._words, self._never = tuple(words), never

    def within(self, block: bytes) -> Words | None:
        # Of such lines the first bytes tell, which is faster than any search; and most blocks hold no other ones.
        if self._never and block.startswith(self._never):
            head = next(one for one in self._never if block.startswith(one))
            return None if block.count(b"\n" + head) == block.count(b"\n") else self
        small = block.lower()
        there = tuple(word for word in self._words if word in small)
        return Words(there, never=self._never) if there else None

    def __call__(self, line: bytes) -> bool:
        if self._never and line.startswith(self._never):
            return False
        small = line.lower()
        # A loop of its own: any() with a generator takes three times as long.
        for word in self._words:  # noqa: SIM110
            if word in small:
                return True
        return False


class Sampled:
    """Of the lines that `fits` takes, all of the first `FIRST`, then each one of ever more, which counts as so many.

    For what stands in every line: a percentile needs thousands, not millions.
    """

    FIRST = 2000
    STEP = 32

    def __init__(self, fits: Words) -> None:
        self._fits = self._here = fits
        self._seen = 0

    def within(self, block: bytes) -> Sampled | None:
        here = self._fits.within(block)
        self._here = here or self._fits
        return self if here else None

    @property
    def weight(self) -> int:
        """As how many the line counts that was taken last."""
        if self._seen <= self.FIRST:
            return 1
        return self.STEP if self._seen <= self.FIRST * self.STEP else self.STEP**2

    def __call__(self, line: bytes) -> bool:
        if not self._here(line):
            return False
        self._seen += 1
        return self._seen % self.weight == 0
