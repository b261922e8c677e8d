"""Whom a block must never hit. Each of these would be an outage of our own making."""

from __future__ import annotations

from ipaddress import ip_network

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.blocking.guard import INNER, reason
from tasks.blocking.system import Blocking
from tasks.logs.origin import network_of, written
from tasks.model import Refused

NEVER = (ip_network("198.51.100.0/24"), ip_network("2001:db8:aaaa::/48"))
PROXIES = (ip_network("203.0.113.5/32"),)
NARROW = (32, 64)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "inner address"),
        ("::1", "inner address"),
        ("::ffff:127.0.0.1", "inner address"),
        ("10.1.2.3", "inner address"),
        ("::ffff:10.1.2.3", "inner address"),
        ("172.16.0.1", "inner address"),
        ("192.168.1.1", "inner address"),
        ("100.64.0.1", "inner address"),
        ("169.254.169.254", "inner address"),
        ("0.0.0.1", "inner address"),
        ("255.255.255.255", "inner address"),
        ("224.0.0.1", "inner address"),
        ("fe80::1%eth0", "inner address"),
        ("fd00::1", "inner address"),
        ("ff02::1", "inner address"),
        ("2002:c000:207::1", "inner address"),
        ("2001:0:c000:207::1", "inner address"),
        ("198.51.100.7", "`never` names"),
        ("::ffff:198.51.100.7", "`never` names"),
        ("64:ff9b::c633:6407", "`never` names"),
        ("2001:db8:aaaa:1::5", "`never` names"),
        ("203.0.113.5", "a proxy of ours"),
        ("203.0.113.5:443", "a proxy of ours"),
    ],
)
def test_it_refuses_whatever_a_block_would_hit_wrongly(address: str, why: str) -> None:
    network = network_of(address)
    assert network is not None
    assert why in reason(network, NEVER, PROXIES, NARROW)


@pytest.mark.parametrize(
    "wide", ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.0/31", "::/0", "2001:db8::/32", "2001:db8::/63"]
)
def test_it_refuses_a_crowd(wide: str) -> None:
    assert "is a crowd" in reason(ip_network(wide), NEVER, PROXIES, NARROW)


def test_a_network_that_holds_one_of_ours_is_ours() -> None:
    assert "`never` names" in reason(ip_network("198.51.0.0/16"), NEVER, (), (16, 32))
    assert "a proxy of ours" in reason(ip_network("203.0.113.0/24"), (), PROXIES, (24, 64))


def test_it_blocks_who_is_none_of_them() -> None:
    for address in ("192.0.2.66", "2001:db8:1:2::9", "::ffff:192.0.2.66"):
        network = network_of(address)
        assert network is not None
        assert reason(network, NEVER, PROXIES, NARROW) == ""


def test_it_knows_this_machine() -> None:
    told = {network_of(one.address) for many in psutil.net_if_addrs().values() for one in many} - {None}
    assert told
    for network in told:
        assert network is not None
        assert reason(network, (), (), NARROW)


def test_it_knows_who_works_here_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.66 51234 192.0.2.1 22")
    network = network_of("192.0.2.66")
    assert network is not None
    assert "somebody works on this from" in reason(network, NEVER, (), NARROW)


def test_without_own_addresses_nothing_is_blocked() -> None:
    blocking = Blocking.model_validate({"file": "/etc/blocked"})
    with pytest.raises(Refused, match="Nobody has said which addresses are your own") as told:
        blocking.refuse(ip_network("192.0.2.66"), ())
    assert told.value.remedy.startswith("never = [")


@given(st.ip_addresses())
def test_no_spelling_gets_an_inner_address_past_it(address: object) -> None:
    network = network_of(str(address))
    assert network is not None
    inner = any(network.version == one.version and network.overlaps(one) for one in INNER)
    assert not inner or reason(network, NEVER, PROXIES, NARROW)
    mapped = network_of(f"::ffff:{network.network_address}") if network.version == 4 else network
    assert mapped is not None
    assert bool(reason(mapped, NEVER, PROXIES, NARROW)) == bool(reason(network, NEVER, PROXIES, NARROW))


@pytest.mark.parametrize(
    ("word", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8::1/128", "2001:db8::/64"),
        ("192.0.2.0/33", None),
        ("ab", None),
        ("12:30", None),
    ],
)
def test_it_reads_a_list_as_it_is_written(word: str, network: str | None) -> None:
    assert str(written(word)) == str(network)
