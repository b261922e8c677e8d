"""The door to name servers: one question, and its outcome told apart as finely as people have to act on it."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.model import CannotLook, Refused

if TYPE_CHECKING:
    from dns.resolver import Resolver as Asking

PORT = 53
# What was said by name servers, worst first: of two, the one that says more about the name.
TELLING = ("SERVFAIL", "REFUSED")


class Outcome(enum.Enum):
    """What became of a question. Only the first is an answer with records in it."""

    FOUND = "found"
    NO_SUCH_NAME = "NXDOMAIN"
    NO_SUCH_RECORD = "NODATA"
    FAILED = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMED_OUT = "time-out"
    NONSENSE = "no answer that can be read"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What name servers say of `name`: its `records` of this `kind` (A, AAAA, …) as text, for `ttl_s` seconds."""

    name: str
    kind: str
    outcome: Outcome
    records: tuple[str, ...] = ()
    ttl_s: int = 0


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Name servers that are asked, as ADDRESS or ADDRESS:PORT; without any, those of this machine.

    `limit_s` is for one question, to all of them together, in seconds.
    """

    servers: Sequence[str] = ()
    limit_s: float = 3.0

    @property
    def said(self) -> str:
        """How sentences call them."""
        return ", ".join(self.servers) or "this machine's resolver"

    def look(self, name: str, kind: str) -> Looked:
        """Ask for the records of one kind. `name` is whole: no search list is tried behind it.

        Raises:
            CannotLook: this machine names no resolver. Refused: `name` or a server's address is none.
        """
        # Late: dnspython takes a quarter of a second to import, and every command imports every system.
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            answer = self._asking().resolve(name, kind, lifetime=self.limit_s, search=False)
        except dns.resolver.NXDOMAIN:
            return Looked(name=name, kind=kind, outcome=Outcome.NO_SUCH_NAME)
        except dns.resolver.NoAnswer:
            return Looked(name=name, kind=kind, outcome=Outcome.NO_SUCH_RECORD)
        except (dns.resolver.NoNameservers, dns.resolver.LifetimeTimeout) as error:
            return Looked(name=name, kind=kind, outcome=_outcome(error))
        except (dns.resolver.YXDOMAIN, dns.exception.FormError):
            return Looked(name=name, kind=kind, outcome=Outcome.NONSENSE)
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException) as error:
            raise Refused(f"{name!r} is no name: {error}.") from None
        records = tuple(sorted(record.to_text() for record in answer))
        ttl_s = int(answer.rrset.ttl) if answer.rrset is not None else 0
        return Looked(name=name, kind=kind, outcome=Outcome.FOUND, records=records, ttl_s=ttl_s)

    def _asking(self) -> Asking:
        import dns.nameserver
        import dns.resolver

        try:
            asking = dns.resolver.Resolver(configure=not self.servers)
        except dns.resolver.NoResolverConfiguration as error:
            raise CannotLook("This machine names no resolver.", remedy="Look at /etc/resolv.conf.") from error
        if self.servers:
            asking.nameservers = [dns.nameserver.Do53Nameserver(*server(text)) for text in self.servers]
        return asking


def server(text: str) -> tuple[str, int]:
    """Address and port of a name server as it is configured: 192.0.2.1, 192.0.2.1:5353, 2001:db8::1, [2001:db8::1]:53.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(ipaddress.ip_address(text.strip("[]"))), PORT
    except ValueError:
        address, _, port = text.rpartition(":")
        if not (port.isdigit() and 0 < int(port) < 65_536):
            raise ValueError(f"{text!r} is no name server: write ADDRESS or ADDRESS:PORT") from None
        return str(ipaddress.ip_address(address.strip("[]"))), int(port)


def _outcome(error: Exception) -> Outcome:
    """What the servers said, where one said something; silence otherwise."""
    told = [str(one[3]) for one in getattr(error, "kwargs", {}).get("errors", [])]
    for word in TELLING:
        if any(word in text for text in told):
            return Outcome(word)
    silent = all("timed out" in text or "Errno" in text for text in told)
    return Outcome.TIMED_OUT if silent else Outcome.NONSENSE
