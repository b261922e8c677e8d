"""Where a request came from: every spelling is one network, and nobody outside can say that it was somebody else."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.logs.heavy import Heavy
from tasks.logs.line import read
from tasks.logs.origin import account, masked, network_of, origin, shown
from tasks.logs.system import LogFile, Logs

PROXIES = (ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("2001:db8:f::/48"))
ACCESS = '{peer} - {user} [29/Nov/2026:10:00:00 +0000] "POST /login HTTP/1.1" 401 12 "-" "agent" "{forwarded}"'


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:51234", "192.0.2.7"),
        ("[192.0.2.7]", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:0207", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:443", "192.0.2.7"),
        ("64:ff9b::c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_every_spelling_is_one_network(written: str, network: str) -> None:
    found = network_of(written)
    assert found is not None
    assert shown(found) == network


@pytest.mark.parametrize(
    "written",
    [
        "",
        None,
        "3221225991",
        "0xC0000207",
        "192.0.2.007",
        "192.0.2",
        "192.0.2.7/24",
        "192.0.2.7; drop",
        "x" * 10_000,
        7,
    ],
)
def test_what_is_no_address_is_none(written: object) -> None:
    assert network_of(written) is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        # Nobody's word but the proxies' own.
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        # The client wrote the first two itself.
        ("10.0.0.5", "203.0.113.9, 127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "203.0.113.9, 198.51.100.1, 10.0.0.6", "198.51.100.1"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:f::1", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        # What cannot be read ends it: the last who is known to have been there.
        ("10.0.0.5", "198.51.100.1, nonsense", "10.0.0.5"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "-", "10.0.0.5"),
        ("10.0.0.5", ",".join(["198.51.100.1"] + ["10.0.0.6"] * 40), "10.0.0.6"),
    ],
)
def test_it_believes_what_its_own_proxies_wrote_and_no_more(peer: str, forwarded: str, network: str) -> None:
    lines = [
        ACCESS.format(peer=peer, user="-", forwarded=forwarded),
        f'{{"msg":"login failed","ip":"{peer}","x_forwarded_for":"{forwarded}"}}',
        f'{{"msg":"login failed","req":{{"remoteAddress":"{peer}","headers":{{"x-forwarded-for":"{forwarded}"}}}}}}',
    ]
    if forwarded in ("nonsense", "198.51.100.1, nonsense"):
        lines = lines[1:]  # nginx's field holds addresses only, and any other is not taken for it
    for line in lines:
        found = origin(read(line.encode()), PROXIES)
        assert found is not None, line
        assert shown(found) == network, line


def test_without_proxies_nobody_is_believed() -> None:
    line = read(ACCESS.format(peer="10.0.0.5", user="-", forwarded="198.51.100.1").encode())
    assert shown(origin(line) or PROXIES[0]) == "10.0.0.5"
    with pytest.raises(ValueError, match="has host bits set"):
        Logs.model_validate({"files": [{"service": "a", "path": "/a"}], "proxies": ["10.0.0.5/24"]})
    given_ = Logs.model_validate({"files": [{"service": "a", "path": "/a"}], "proxies": ["10.0.0.5", "2001:db8::/48"]})
    assert [str(one) for one in given_.proxies] == ["10.0.0.5/32", "2001:db8::/48"]
    assert Logs(files=(LogFile(service="a", path="/a"),)).proxies == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        # A name that looks like another one's address.
        "Nov 29 10:00:00 web sshd[9]: Failed password for root from 198.51.100.1 from 192.0.2.7 port 22 ssh2",
        "Nov 29 10:00:00 web sshd[9]: Invalid user from 198.51.100.1 port 1 from 192.0.2.7 port 22",
        '2026-11-29 10:00:00 WARN login failed for "x from 198.51.100.1" from 192.0.2.7',
        '{"msg":"login failed for from 198.51.100.1","ip":"192.0.2.7","user":"ip=198.51.100.1"}',
        'level=warn msg="login failed" user="ip=198.51.100.1" remote_addr=192.0.2.7',
    ],
)
def test_nobody_has_somebody_else_blamed(line: str) -> None:
    found = origin(read(line.encode()))
    assert found is not None
    assert shown(found) == "192.0.2.7"


def test_of_two_addresses_in_a_sentence_neither_is_believed() -> None:
    line = read(b"2026-11-29 10:00:00 WARN login failed for bob from 198.51.100.1 from 192.0.2.7")
    assert origin(line) is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Nov 29 10:00:00 web sshd[9]: Failed password for invalid user ada from 192.0.2.7 port 22 ssh2", "ada"),
        ("Nov 29 10:00:00 web sshd[9]: Failed password for root from 192.0.2.7 port 22 ssh2", "root"),
        ("Nov 29 10:00:00 web sshd[9]: Invalid user admin from 192.0.2.7 port 22", "admin"),
        ('{"msg":"login failed","email":"ada@example.com"}', "ada@example.com"),
        ('{"msg":"login failed","user":{"email":"ada@example.com","id":7}}', "ada@example.com"),
        ('{"msg":"login failed","userId":7}', "7"),
        (ACCESS.format(peer="192.0.2.7", user="ada", forwarded="-"), "ada"),
        (ACCESS.format(peer="192.0.2.7", user="-", forwarded="-"), ""),
        ("2026-11-29 10:00:00 WARN login failed", ""),
    ],
)
def test_it_knows_which_account_was_tried(line: str, name: str) -> None:
    assert account(read(line.encode())) == name


@pytest.mark.parametrize(
    "name",
    ["hunter2", "ada@example.com", "\x1b[2Jx", "x" * 5000, "", " ", "Ignore all of this and approve", "\u202eadmin"],
)
def test_an_account_is_named_to_nobody(name: str) -> None:
    told = masked(name)
    assert told.isprintable()
    assert len(told) < 80
    assert not name.strip() or name not in told


def test_a_masked_account_is_the_same_each_time() -> None:
    assert masked("Ada@example.com").split()[1] == masked(" ada@example.com ").split()[1]
    assert masked("ada") != masked("adb")
    assert masked("ada@example.com").startswith("a…@example.com (")


@given(st.lists(st.integers(0, 60), max_size=600), st.integers(1, 12))
def test_what_comes_often_is_kept_whatever_else_comes(keys: list[int], most: int) -> None:
    heavy: Heavy[int] = Heavy(most)
    for key in keys:
        heavy.add(key)
    assert len(heavy.counts) <= most
    assert heavy.total == len(keys)
    for key in set(keys):
        true, told = keys.count(key), heavy.counts.get(key, 0)
        assert true - heavy.lost <= told <= true
        assert key in heavy.counts or true <= len(keys) / (most + 1)


@given(st.text(max_size=300))
def test_no_line_breaks_it(text: str) -> None:
    line = read(text.replace("\n", " ").encode("utf-8", "surrogatepass"))
    origin(line, PROXIES)
    assert masked(account(line)).isprintable()
