"""Whom a line is about: the network that a request came from, as far as it can be believed, and the account it named.

What stands in a line was written by whoever is outside, too: an address counts only where a sender has no say.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tasks.excerpt import excerpt
from tasks.logs.line import Line
from tasks.mail import addresses

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNKNOWN = "unknown"
# Whoever has one IPv6 address has at least a /64 of them (RFC 6177), and takes another for each try.
WIDTH = {4: 32, 6: 64}
# Whoever tries passwords comes again and again.
MOST_REMEMBERED = 4096
# Hops of a request that are followed back. More are written by nobody but whoever wants to be mistaken.
MOST_HOPS = 20

_PEER_KEYS = ("ip", "ip_address", "remote_addr", "remoteAddress", "remote_ip", "client_ip", "clientIp", "address")
_FORWARDED_KEYS = ("x_forwarded_for", "x-forwarded-for", "xff", "http_x_forwarded_for", "forwarded_for")
_ACCOUNT_KEYS = ("user", "username", "user_name", "account", "email", "login", "user_id", "userId")
# sshd writes the name that was typed before the address: what stands at the end is its own.
_SSHD = re.compile(r"\bfrom ([0-9a-fA-F.:]{3,45}) port \d{1,5}(?: ssh2)?(?:: [\w -]{1,40})?(?: \[preauth\])?$")
_SSHD_ACCOUNT = re.compile(
    r"(?:^|: )(?:Failed|Accepted) [\w/-]{1,40} for (?:invalid user )?(\S{1,100}) from "
    r"|(?:^|: )Invalid user (\S{1,100}) from "
)
_PAM_ACCOUNT = re.compile(r"\brhost=\S{0,45} {1,2}user=(\S{1,100})$")
_FROM = re.compile(r"(?:\bfrom |\brhost=|\bclient[=:] ?|\bip[=:] ?|\baddress[=:] ?|\[)\[?([0-9a-fA-F.:]{3,45})")
# A name somebody typed is quoted by careful loggers, and may look like an address.
_QUOTED = re.compile(r"\"[^\"]{0,500}\"|'[^']{0,500}'|“[^”]{0,500}”")
_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9a-fA-F:.]{2,45})\](?::\d{1,5})?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def network_of(value: object) -> Network | None:
    """The address `value` is written as, in whatever spelling: itself for IPv4, its /64 for IPv6; None if it is none.

    An IPv4 address in IPv6 clothes (::ffff:192.0.2.7, 64:ff9b::192.0.2.7) is that IPv4 address: as a /64 it would be
    everybody.
    """
    return _network(str(value).strip()[:64]) if value else None


@lru_cache(maxsize=MOST_REMEMBERED)
def _network(text: str) -> Network | None:
    if ported := _WITH_PORT.fullmatch(text):
        text = ported[1] or ported[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    return ipaddress.ip_network((address, WIDTH[address.version]), strict=False)


def written(word: str) -> Network | None:
    """An address or a network as it stands in a list, at its own length; None if it is none."""
    address, slash, length = word.partition("/")
    narrow = network_of(address)
    if narrow is None or not slash:
        return narrow
    if int(length) > narrow.max_prefixlen:
        return None
    if narrow.version == 6 and int(length) > narrow.prefixlen:
        return narrow
    return narrow.supernet(new_prefix=int(length)) if int(length) < narrow.prefixlen else narrow


def shown(network: Network) -> str:
    """As a person reads it: an address alone, or a network with its length."""
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)


def origin(line: Line, proxies: Sequence[Network] = ()) -> Network | None:
    """The network that a line's request came from; None where the line does not tell beyond doubt.

    X-Forwarded-For is believed only as far as `proxies` wrote it: from its end, up to the first who is none of them.
    """
    peer = _peer(line)
    if peer is None:
        return _in_text(line.text)
    return _behind(peer, line, proxies)


def account(line: Line) -> str:
    """The account that somebody tried, as it was typed; empty where the line names none."""
    for table in _tables(line):
        for key in _ACCOUNT_KEYS:
            told = table.get(key)
            if isinstance(told, Mapping):
                told = next((told[one] for one in ("email", "username", "name", "id") if told.get(one)), None)
            if isinstance(told, str | int) and not isinstance(told, bool) and str(told).strip():
                return str(told)[:200]
    text = line.text[:2000]
    found = _SSHD_ACCOUNT.search(text) or _PAM_ACCOUNT.search(text)
    return next((one for one in found.groups() if one), "") if found else ""


def masked(name: str) -> str:
    """An account as it may be shown: enough to tell two apart and to find it again for who knows it.

    People type passwords where their name belongs. Four digits of a hash name nobody, and are the same each time.
    """
    mark = hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:4]
    if "@" in name and (mail := addresses.masked(name)) != "…":
        return f"{mail} ({mark})"
    first = excerpt(name, 8)[:1]
    return f"{first if first.isalnum() and len(name.strip()) > 1 else ''}… ({mark})"


def without_account(text: str, name: str) -> str:
    """`text` with the account masked that a line names."""
    return text.replace(name, masked(name)) if name.strip() else text


def _peer(line: Line) -> Network | None:
    for table in _tables(line):
        for key in _PEER_KEYS:
            if (told := network_of(table.get(key))) is not None:
                return told
    return None


def _behind(peer: Network, line: Line, proxies: Sequence[Network]) -> Network:
    last = peer
    for hop in _hops(line) if proxies else ():
        if not _is_one_of(last, proxies):
            return last
        told = network_of(hop)
        if told is None:
            return last
        last = told
    return last


def _hops(line: Line) -> list[str]:
    """X-Forwarded-For, the nearest first."""
    for table in _tables(line):
        headers = table.get("headers")
        for part in (table, headers if isinstance(headers, Mapping) else {}):
            for key in _FORWARDED_KEYS:
                if isinstance(told := part.get(key), str) and told.strip("- "):
                    return [one.strip() for one in told[-2000:].split(",")[::-1][:MOST_HOPS]]
    return []


def _in_text(text: str) -> Network | None:
    text = text[:2000].rstrip()
    if of_sshd := _SSHD.search(text):
        return network_of(of_sshd[1])
    bare = _QUOTED.sub(" ", text)
    found = {told for one in _FROM.findall(bare) if (told := network_of(one)) is not None}
    # Of two, one was typed by somebody.
    return found.pop() if len(found) == 1 else None


def _is_one_of(network: Network, others: Sequence[Network]) -> bool:
    return any(network.version == one.version and network.subnet_of(one) for one in others)  # type: ignore[arg-type]


def _tables(line: Line) -> Iterator[Mapping[str, Any]]:
    yield line.fields
    for key in ("req", "request"):
        if isinstance(nested := line.fields.get(key), Mapping):
            yield nested
