"""What a mail provider tells, in our words: the same for every vendor."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from tasks.mail.codes import Kind
from tasks.model import Refused


class NotOffered(Refused):
    """The vendor has no such thing: neither trouble nor health."""


class Cause(enum.StrEnum):
    """Why an address is on a suppression list. MANUAL: somebody put it there, where the vendor tells that apart."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much of `what` may be done, and how much is left; `resets_in_s` where that is told."""

    what: str
    limit: float
    left: float
    resets_in_s: float | None = None
    # Of requests to its API one waits a moment; of mails nothing goes out until it is reset.
    of_mails: bool = True

    @property
    def used(self) -> float:
        """A share of the limit."""
        return 1 - self.left / self.limit if self.limit > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class Knock:
    """One request that changes nothing: what came back. `says`: the vendor's own words, cut, without secrets.

    `restricted`: the key is known, and may do no more than send.
    """

    line: str
    status: int
    says: str
    took_s: float
    is_json: bool
    asks_to_wait_s: float | None = None
    restricted: bool = False

    @property
    def taken(self) -> bool:
        """Is the key good?"""
        return self.restricted or 200 <= self.status < 300


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Mails between two instants, as far as the vendor counts them; None where it does not tell that apart.

    The vendor may count by the hour or the day: `since` is where its counting really begins. `whose` says what is
    counted: a domain, or all of an account. Attempted are those that were delivered, bounced, or were not even tried
    (`unsent`); not those that were held back because their address is suppressed.
    """

    since: datetime
    whose: str
    attempted: int
    bounced: int
    hard: int | None = None
    soft: int | None = None
    blocked: int | None = None
    unsent: int = 0
    complaints: int = 0
    suppressed: int | None = None
    deferred: int | None = None
    rate_limited: int | None = None

    @property
    def failed(self) -> int:
        return self.bounced + self.unsent


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One mail that came back, and why; `said` is cut and may hold addresses: mask it before it is shown."""

    address: str
    kind: Kind
    means: str
    reply: str
    status: str
    said: str
    # Will not be tried again.
    final: bool = True
    # By which the provider's support finds it: its Message-ID, or the provider's own.
    message: str = ""

    @property
    def receiver(self) -> str:
        """The domain it was for."""
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The newest failures; `whole`: they are all there are of that time."""

    found: tuple[Failure, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """An address to which nothing is sent, and what is known of why; `kept_in` is the list it stands on there."""

    address: str
    cause: Cause
    kept_in: str = ""
    kind: Kind | None = None
    said: str = ""
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Suppressions:
    """The suppression list, as much of it as was read."""

    found: tuple[Suppressed, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class DnsRecord:
    """A record that the vendor expects. `found` is its own last look: None where it has not looked, or does not say."""

    name: str
    type: str
    value: str
    found: bool | None


@dataclass(frozen=True, kw_only=True)
class SendingDomain:
    """Our domain as the vendor has it; `state` in its own words. `disabled`: why it sends nothing, else empty."""

    name: str
    verified: bool
    state: str
    disabled: str
    records: tuple[DnsRecord, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Is the vendor's own queue open to us? `closed` says why it is not, else empty; `waiting` where it counts."""

    closed: str
    waiting: int | None = None


class Sending(enum.StrEnum):
    """May we send? PAUSED: by us, and we can resume. STOPPED: by the vendor, who has to be talked to."""

    OPEN = "open"
    PAUSED = "paused"
    REVIEWED = "under review"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How we stand with the vendor. `says`: in its words. `reputation` from 0 to 1, where the vendor has one."""

    sending: Sending
    says: str
    reputation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Switch:
    """How sending is paused and resumed there: the requests as an operator would type them, and what they hold up."""

    holds_up: str
    pause_line: str
    resume_line: str
