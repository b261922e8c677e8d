"""Names, asked of a real name server on loopback: each way of not being resolved has its own sentence."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tasks.dns.system import Outcome, Resolver, server
from tasks.model import Refused, Verdict
from tasks.website.checks import check_website_names
from tasks.website.names import has_to_be_resolved
from tasks.website.system import Endpoint, Website

RECORDS = {
    ("good.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("good.test.", "AAAA"): ["2001:db8::1"],
    ("four.test.", "A"): ["192.0.2.4"],
    ("half.test.", "A"): ["192.0.2.5"],
}
CODES = {"broken.test.": "SERVFAIL", "closed.test.": "REFUSED", "gone.test.": "NXDOMAIN"}


def reply(wire: bytes) -> bytes | None:
    query = dns.message.from_wire(wire)
    asked = query.question[0]
    name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
    if name == "mute.test.":
        return None
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    code = "SERVFAIL" if (name, kind) == ("half.test.", "AAAA") else CODES.get(name, "NOERROR")
    answer.set_rcode(dns.rcode.from_text(code))
    if found := RECORDS.get((name, kind)):
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
    return answer.to_wire()


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, whose = line.recvfrom(4096)
                    if (said := reply(wire)) is not None:
                        line.sendto(said, whose)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{line.getsockname()[1]}"


def site(resolver: str, *hosts: str) -> Website:
    ends = tuple(Endpoint(name=host, url=f"https://{host}/") for host in hosts)
    return Website(endpoints=ends, resolvers=(resolver,))


def test_it_is_content_with_any_address(resolver: str) -> None:
    found = check_website_names.fn(site(resolver, "good.test", "four.test"))
    assert found.verdict is Verdict.OK
    told = "four.test is 192.0.2.4; good.test is 192.0.2.1, 192.0.2.2, 2001:db8::1"
    assert found.says == f"{told} (asked of {resolver})."
    assert found.facts["four.test"]["AAAA"] == "NODATA"  # type: ignore[call-overload, index]


@pytest.mark.parametrize(
    ("host", "verdict", "says"),
    [
        ("gone.test", Verdict.BAD, "does not exist (NXDOMAIN)"),
        ("empty.test", Verdict.BAD, "exists, but has no address (NODATA)"),
        ("broken.test", Verdict.BAD, "cannot be resolved (SERVFAIL)"),
        ("closed.test", Verdict.UNKNOWN, "is not looked up for us (REFUSED)"),
        ("mute.test", Verdict.UNKNOWN, "was not answered in time"),
        ("half.test", Verdict.WARN, "is 192.0.2.5, but of AAAA the resolver says SERVFAIL"),
    ],
)
def test_it_tells_apart_why_a_name_does_not_resolve(resolver: str, host: str, verdict: Verdict, says: str) -> None:
    begun = time.monotonic()
    found = check_website_names.fn(site(resolver, host, "good.test"))
    assert time.monotonic() - begun < 50
    assert found.verdict is verdict
    assert f"{host} {says}" in found.says
    assert [row["host"] for row in found.rows] == [host]


def test_an_address_is_no_name() -> None:
    ends = tuple(Endpoint(name=url, url=url) for url in ("http://127.0.0.1/", "http://[::1]/", "http://localhost:1/"))
    assert check_website_names.fn(Website(endpoints=ends)).verdict is Verdict.OK
    assert has_to_be_resolved("localhost.example.com")
    assert not has_to_be_resolved("web.localhost")


def test_a_resolver_that_is_down_says_nothing_about_the_name() -> None:
    assert Resolver(servers=("127.0.0.1:1",), limit_s=0.3).look("good.test", "A").outcome is Outcome.TIMED_OUT
    with pytest.raises(Refused, match="is no name"):
        Resolver(servers=("127.0.0.1:1",)).look("a" * 64 + ".test", "A")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_it_reads_the_address_of_a_name_server(text: str, means: tuple[str, int]) -> None:
    assert server(text) == means
