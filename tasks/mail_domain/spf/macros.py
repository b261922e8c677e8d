"""SPF's macros (RFC 7208, 7): what stands for the sender, the name and the address in a record."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

_MACRO = re.compile(r"%(?:([%_-])|\{([a-z])([0-9]*)(r?)([.+,/_=-]*)\})", re.IGNORECASE)
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
# As long as a name may be, written with dots (7.3).
LONGEST_NAME = 253

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sends: from which address, as whom, and what it called itself in HELO."""

    ip: Address
    mail: str
    helo: str
    receiver: str = "unknown"

    @property
    def local(self) -> str:
        return self.mail.rpartition("@")[0] or "postmaster"

    @property
    def domain(self) -> str:
        return self.mail.rpartition("@")[2]


def expanded(text: str, sender: Sender, domain: str, validated: Callable[[], str]) -> str:
    """`text` with its macros filled in. `validated` is asked for the sender's own name (%{p}) only if it is needed."""

    def value(letter: str) -> str:
        match letter:
            case "s":
                return f"{sender.local}@{sender.domain}"
            case "l":
                return sender.local
            case "o":
                return sender.domain
            case "d":
                return domain
            case "i":
                return dotted(sender.ip)
            case "p":
                return validated()
            case "v":
                return "in-addr" if sender.ip.version == 4 else "ip6"
            case "h":
                return sender.helo
            case "c":
                return str(sender.ip)
            case "r":
                return sender.receiver
        return str(int(time.time()))

    def filled(found: re.Match[str]) -> str:
        if found[1]:
            return _PLAIN[found[1]]
        parts = re.split(f"[{re.escape(found[5] or '.')}]", value(found[2].lower()))
        if found[4]:
            parts.reverse()
        if found[3]:
            parts = parts[-int(found[3][:4]) :]
        joined = ".".join(parts)
        return quote(joined, safe="-._~") if found[2].isupper() else joined

    return _MACRO.sub(filled, text)


def as_name(text: str) -> str:
    """An expanded name, cut from the left, a label at a time, until it is as short as a name has to be."""
    name = text.removesuffix(".")
    while len(name) > LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def dotted(ip: Address) -> str:
    """An address as %{i} has it: IPv6 by its nibbles, in the capitals of the RFC's examples."""
    return str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", "").upper())
