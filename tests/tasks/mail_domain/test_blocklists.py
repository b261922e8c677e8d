"""Blocklists: what is a listing and what is none, asked of lists on loopback."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.mail_domain.blocklists import KNOWN, Blocklist
from tasks.mail_domain.checks import check_domain_blocklists, check_ip_blocklists
from tasks.model import Verdict
from tests.tasks.dns.replying import reply, replying
from tests.tasks.mail_domain.nameservers import Names

HERE, NAME = "192.0.2.10", "10.2.0.192"
TESTED = "2.0.0.127 IN A 127.0.0.2\n"
LIST = {"zone": "bl.test", "codes": {"127.0.0.2": "spam", "127.0.0.3": "a trap"}, "delist": "https://bl.test/remove"}


@pytest.mark.parametrize(
    ("records", "verdict", "says"),
    [
        (TESTED, Verdict.OK, f"{HERE} on bl.test is not listed"),
        (f"{TESTED}{NAME} IN A 127.0.0.2", Verdict.BAD, "is listed: spam"),
        (f"{TESTED}{NAME} IN A 127.0.0.2\n{NAME} IN A 127.0.0.3", Verdict.BAD, "is listed: spam, a trap"),
        (f"{TESTED}{NAME} IN A 127.0.0.77", Verdict.BAD, "is listed: a code we do not know (127.0.0.77)"),
        (f"{TESTED}{NAME} IN A 127.255.255.254", Verdict.UNKNOWN, "ask through a public resolver"),
        (f"{TESTED}{NAME} IN A 127.255.255.255", Verdict.UNKNOWN, "it was asked too often"),
        (f"{TESTED}{NAME} IN A 127.255.255.9", Verdict.UNKNOWN, "an error"),
        (f"{TESTED}{NAME} IN A 198.51.100.1", Verdict.UNKNOWN, "whoever took the domain over"),
        ("", Verdict.UNKNOWN, "it lists nothing, its own test entry 127.0.0.2 neither"),
        (f"{TESTED}1.0.0.127 IN A 127.0.0.2", Verdict.UNKNOWN, "it lists everything, 127.0.0.1 too"),
        ("2.0.0.127 IN A 127.255.255.254", Verdict.UNKNOWN, "ask through a public resolver"),
    ],
)
def test_it_knows_a_listing_from_what_is_none(names: Names, records: str, verdict: Verdict, says: str) -> None:
    names.zone("bl.test", records)
    found = check_ip_blocklists.fn(names.domain(sends_from=[HERE], blocklists=[LIST]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_a_listing_comes_with_the_lists_own_reason_and_where_to_go(names: Names) -> None:
    names.zone("bl.test", f'{TESTED}{NAME} IN A 127.0.0.2\n{NAME} IN TXT "seen\\027[31m <b>yesterday</b>"')
    found = check_ip_blocklists.fn(names.domain(sends_from=[HERE], blocklists=[LIST]))
    assert found.rows[0]["because"] == ["seen [31m <b>yesterday</b>"]
    assert "before you ask bl.test to take 192.0.2.10 off: https://bl.test/remove" in found.remedy


def test_a_list_that_works_is_believed_beside_one_that_does_not(names: Names) -> None:
    names.zone("bl.test", f"{TESTED}{NAME} IN A 127.0.0.2")
    given = names.domain(sends_from=[HERE], blocklists=[LIST, {"zone": "dead.test"}])
    found = check_ip_blocklists.fn(given)
    assert found.verdict is Verdict.BAD
    assert (
        found.says == "192.0.2.10 on bl.test is listed: spam; dead.test says nothing now: it does not answer: REFUSED."
    )


def test_a_list_that_is_asked_by_few_warns(names: Names) -> None:
    names.zone("bl.test", f"{TESTED}{NAME} IN A 127.0.0.2")
    assert check_ip_blocklists.fn(names.domain(sends_from=[HERE], blocklists=[{**LIST, "weight": "warn"}])).verdict == 1


def test_names_are_listed_by_their_own_lists(names: Names) -> None:
    names.zone("names.test", "test IN A 127.0.0.2\nnews.shop.test IN A 127.0.0.2")
    given = names.domain(subdomains=["news.shop.test"], blocklists=[{"zone": "names.test", "lists": "domains"}])
    found = check_domain_blocklists.fn(given)
    assert found.says == "news.shop.test on names.test is listed: listed."


def test_a_bit_of_the_last_octet_is_a_reason() -> None:
    surbl = next(one for one in KNOWN if one.zone == "multi.surbl.org")
    assert surbl.meaning(["127.0.0.24"]) == (("phishing", "malware"), ())
    assert surbl.meaning(["127.0.0.1"]) == ((), ("it does not answer those who ask through this resolver",))
    dbl = next(one for one in KNOWN if one.zone == "dbl.spamhaus.org")
    assert dbl.meaning(["127.0.1.255"]) == ((), ("it was asked for an address, and lists names",))


def test_an_address_of_ipv6_is_asked_by_its_nibbles() -> None:
    assert Blocklist(zone="bl.test").question("2001:db8::1") == "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.bl.test"


def test_a_list_needs_neither_edns_nor_tcp() -> None:
    def say(query: Any, tcp: bool) -> Any:
        assert not tcp
        said = (
            reply(query, f"{query.question[0].name} 60 A 127.0.0.2")
            if "2.0.0.127" in str(query)
            else reply(query, code=3)
        )
        said.use_edns(False)
        return said

    with replying(say) as server:
        one = Blocklist(zone="bl.test")
        from tasks.dns.system import Resolver
        from tasks.mail_domain.blocklists import works

        assert works(Resolver(servers=(server.at,), limit_s=60).look, one) == ""


@pytest.mark.parametrize("zone", ["dnsbl.sorbs.net", "spam.dnsbl.sorbs.net", "cbl.abuseat.org"])
def test_a_dead_list_is_refused_with_the_reason(zone: str) -> None:
    with pytest.raises(ValidationError, match="Remove it from `blocklists`"):
        Blocklist(zone=zone)


def test_none_is_configured(names: Names) -> None:
    assert check_ip_blocklists.fn(names.domain(sends_from=[HERE])).says == "No blocklists of ips are configured."
    assert "`sends_from`" in check_ip_blocklists.fn(names.domain(blocklists=[LIST])).says
