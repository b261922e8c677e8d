"""The door to name servers: one question, and its outcome told apart as finely as people have to act on it."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.dns.exchange import Server, named, plain
from tasks.dns.looked import TELLING, Looked, Outcome
from tasks.kept import asked_once
from tasks.model import CannotLook

__all__ = ["Authority", "Looked", "Outcome", "Resolver", "server"]

PORT = 53


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Name servers that are asked, as ADDRESS or ADDRESS:PORT; without any, those of this machine.

    `limit_s` is for one question, to all of them together, in seconds. The same question is asked once in a round.
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
        key = ("dns", tuple(self.servers), plain(name), kind)
        return asked_once(key, lambda: _first_answer(name, kind, self._asked(), self.limit_s))

    def _asked(self) -> list[Server]:
        if self.servers:
            return [Server(address=address, port=port) for address, port in map(server, self.servers)]
        # Late: dnspython takes a quarter of a second to import, and every command imports every system.
        import dns.resolver

        try:
            own = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as error:
            raise CannotLook("This machine names no resolver.", remedy="Look at /etc/resolv.conf.") from error
        return [Server(address=str(address), port=own.port) for address in own.nameservers]


@dataclass(frozen=True, kw_only=True)
class Authority:
    """The name servers that answer for a domain themselves, as ADDRESS or ADDRESS:PORT. No cache stands before them."""

    servers: tuple[str, ...]
    limit_s: float = 3.0

    def look(self, name: str, kind: str) -> Looked:
        """What the first of them says that answers for `name`.

        Raises:
            Refused: `name` is none.
        """
        key = ("authority", self.servers, plain(name), kind)
        return asked_once(key, lambda: _first_answer(name, kind, [_own(text) for text in self.servers], self.limit_s))

    def each(self, name: str, kind: str) -> dict[str, Looked]:
        """What every one of them says."""
        return {text: Authority(servers=(text,), limit_s=self.limit_s).look(name, kind) for text in self.servers}


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


def _own(text: str) -> Server:
    address, port = server(text)
    return Server(address=address, port=port, recursive=False)


def _first_answer(name: str, kind: str, servers: Sequence[Server], limit_s: float) -> Looked:
    """The first answer there is; of failures the most telling one."""
    named(name)
    until, failed = time.monotonic() + limit_s, []
    for n, one in enumerate(servers):
        # The time that is left, shared among those that are left: one that is silent leaves the next its turn.
        now = time.monotonic()
        looked = one.look(name, kind, now + max(0.0, until - now) / (len(servers) - n))
        if looked.answered:
            return looked
        failed.append(looked)
    return min(failed, key=lambda looked: TELLING.index(looked.outcome))
