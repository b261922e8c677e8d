"""Whom a block must never hit: ourselves, whoever works on the incident, our proxies, everybody."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from ipaddress import ip_network

import psutil

from tasks.logs.origin import Network, network_of, shown
from tasks.model import Refused

# Ours or nobody's (RFC 6890), and IPv6 that stands for all of IPv4 (NAT64, 6to4, Teredo): one /64 of it is a crowd.
INNER = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/4", "240.0.0.0/4", "::/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32",
        "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
# sshd tells whoever it lets in; a process started from that session has it, too.
_SSH = ("SSH_CONNECTION", "SSH_CLIENT")


def refuse(network: Network, never: Sequence[Network], proxies: Sequence[Network], widest: tuple[int, int]) -> None:
    """Refuse to block what must not be blocked.

    `never` are the team's own, `widest` the shortest lengths that a network may have, for IPv4 and IPv6.

    Raises:
        Refused: it says whom the block would hit.
    """
    if why := reason(network, never, proxies, widest):
        raise Refused(
            f"{shown(network)} is not blocked: {why}.",
            remedy="Stop it where it can be told apart: by account, by session, or at the proxy.",
        )


def reason(network: Network, never: Sequence[Network], proxies: Sequence[Network], widest: tuple[int, int]) -> str:
    """Why it may not be blocked; empty where it may."""
    least = widest[0] if network.version == 4 else widest[1]
    if network.prefixlen < least:
        return f"a network wider than /{least} is a crowd"
    for whose, others in (
        ("is among the addresses that `never` names", never),
        ("is a proxy of ours, and everybody comes through it", proxies),
        ("is an inner address, or stands for everybody", INNER),
        ("is an address of this machine", _of_this_machine()),
        ("is where somebody works on this from", _of_who_works_here()),
    ):
        if any(_overlap(network, one) for one in others):
            return f"it {whose}"
    return ""


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _of_this_machine() -> Iterable[Network]:
    told = (network_of(one.address) for many in psutil.net_if_addrs().values() for one in many)
    return [one for one in told if one is not None]


def _of_who_works_here() -> Iterable[Network]:
    told = (network_of(os.environ.get(name, "").partition(" ")[0]) for name in _SSH)
    return [one for one in told if one is not None]
