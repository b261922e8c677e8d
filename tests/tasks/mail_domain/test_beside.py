"""What else is asked about a sending domain: MX, PTR, MTA-STS, TLS-RPT, BIMI, its name servers."""

from __future__ import annotations

import pytest

from tasks.mail_domain.checks import (
    check_mail_exchangers,
    check_mail_name_servers,
    check_mail_transport,
    check_reverse_names,
)
from tasks.mail_domain.system import MailDomain
from tasks.mail_domain.tags import InvalidTags
from tasks.mail_domain.transport import is_covered, sts_policy
from tasks.model import Refused, Verdict
from tests.tasks.dns.replying import reply, replying
from tests.tasks.mail_domain.nameservers import Names, txt

REVERSE = "2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    ("records", "verdict", "says"),
    [
        ("@ IN MX 10 mail\nmail IN A 192.0.2.1", Verdict.OK, "takes mail at mail.shop.test"),
        ("@ IN MX 10 mail\nmail IN AAAA 2001:db8::1", Verdict.OK, "takes mail at mail.shop.test"),
        ("@ IN MX 0 .", Verdict.BAD, "takes no mail (null MX), so receivers may refuse"),
        ("@ IN MX 0 .\n@ IN MX 10 mail", Verdict.BAD, "has a null MX beside others, which is invalid"),
        ("", Verdict.BAD, "has neither MX nor address"),
        ("@ IN A 192.0.2.1", Verdict.WARN, "has no MX, so its bounces go to its own address"),
        ("@ IN MX 10 gone", Verdict.BAD, "gone.shop.test has no address (NXDOMAIN)"),
        ("@ IN MX 10 gone\n@ IN MX 20 mail\nmail IN A 192.0.2.1", Verdict.WARN, "gone.shop.test has no address"),
        ("@ IN MX 10 a\na IN CNAME mail\nmail IN A 192.0.2.1", Verdict.WARN, "is an alias of mail.shop.test"),
        ("@ IN MX 10 192.0.2.1.", Verdict.BAD, "192.0.2.1 is an address, where a name has to stand"),
        ("@ IN MX 10 mx.silent.test.", Verdict.UNKNOWN, "mx.silent.test was not answered: REFUSED"),
    ],
)
def test_it_says_whether_bounces_can_arrive(names: Names, records: str, verdict: Verdict, says: str) -> None:
    names.zone("shop.test", records)
    found = check_mail_exchangers.fn(names.domain())
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_no_mx_and_a_null_mx_are_told_apart(names: Names) -> None:
    names.zone("shop.test", "news IN MX 0 .")
    found = check_mail_exchangers.fn(names.domain(subdomains=["news.shop.test", "m.shop.test"]))
    said = {row["name"]: row["said"] for row in found.rows}
    assert str(said["news.shop.test"]).startswith("says that it takes no mail (null MX)")
    assert str(said["m.shop.test"]).startswith("has neither MX nor address")


@pytest.mark.parametrize(
    ("reverse", "forward", "verdict", "says"),
    [
        ("10 IN PTR mail.shop.test.", "mail IN A 192.0.2.10", Verdict.OK, "mail.shop.test, which leads back to it"),
        ("", "", Verdict.BAD, "has no name (no PTR record)"),
        ("10 IN PTR mail.shop.test.", "mail IN A 192.0.2.11", Verdict.BAD, "which does not lead back to it"),
        ("10 IN PTR mail.shop.test.", "", Verdict.BAD, "which does not lead back to it"),
        ("10 IN PTR mail.silent.test.", "", Verdict.UNKNOWN, "is called mail.silent.test, which was not answered"),
        (
            "10 IN PTR mail.shop.test.\n10 IN PTR www.shop.test.",
            "mail IN A 192.0.2.10\nwww IN A 192.0.2.10",
            Verdict.WARN,
            "has 2 names",
        ),
        (
            "10 IN PTR 192-0-2-10.shop.test.",
            "192-0-2-10 IN A 192.0.2.10",
            Verdict.WARN,
            "a name made from its address",
        ),
    ],
)
def test_it_says_whether_an_address_has_a_name_that_leads_back(
    names: Names, reverse: str, forward: str, verdict: Verdict, says: str
) -> None:
    names.zone(REVERSE, reverse)
    names.zone("shop.test", forward)
    found = check_reverse_names.fn(names.domain(sends_from=["192.0.2.10"]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_an_address_of_ipv6_has_a_name_too(names: Names) -> None:
    names.zone("8.b.d.0.1.0.0.2.ip6.arpa", "1" + ".0" * 23 + " IN PTR mail.shop.test.")
    names.zone("shop.test", "mail IN AAAA 2001:db8::1")
    assert check_reverse_names.fn(names.domain(sends_from=["2001:db8::1"])).verdict is Verdict.OK


STS = "version: STSv1\nmode: enforce\nmx: *.shop.test\nmax_age: 604800\n"


@pytest.mark.parametrize(
    ("records", "policy", "verdict", "says"),
    [
        ("", "", Verdict.OK, "is not published"),
        (txt("_mta-sts", "v=STSv1; id=20240101;"), STS, Verdict.OK, "is in mode enforce and names every MX"),
        (txt("_mta-sts", "v=STSv1;"), STS, Verdict.BAD, "has no id="),
        (txt("_mta-sts", "v=STSv1; id=1") + "\n" + txt("_mta-sts", "v=STSv1; id=2"), STS, Verdict.BAD, "has 2 records"),
        (
            txt("_mta-sts", "v=STSv1; id=1"),
            STS.replace("*.shop", "*.other"),
            Verdict.BAD,
            "mail to it is not delivered",
        ),
        (
            txt("_mta-sts", "v=STSv1; id=1"),
            STS.replace("*.shop", "*.other").replace("enforce", "testing"),
            Verdict.WARN,
            "mail to it is reported",
        ),
        (txt("_mta-sts", "v=STSv1; id=1"), STS.replace("604800", "60"), Verdict.WARN, "is forgotten after 60 s"),
        (txt("_mta-sts", "v=STSv1; id=1"), "<html>", Verdict.BAD, "version: STSv1 is missing"),
        (txt("_mta-sts", "v=STSv1; id=1"), "", Verdict.WARN, "its policy cannot be had: It answers 404."),
        (txt("_smtp._tls", "v=TLSRPTv1; rua=mailto:t@shop.test"), "", Verdict.OK, "says where failures are told"),
        (txt("_smtp._tls", "v=TLSRPTv1; rua=t@shop.test"), "", Verdict.WARN, "has no address for reports"),
        (txt("default._bimi", "v=BIMI1; l=https://shop.test/l.svg"), "", Verdict.WARN, "shown by nobody"),
        (txt("default._bimi", "v=BIMI1; l=http://shop.test/l.svg"), "", Verdict.WARN, "not at https://"),
        (
            txt("default._bimi", "v=BIMI1; l=https://shop.test/l.svg") + "\n" + txt("_dmarc", "v=DMARC1; p=reject"),
            "",
            Verdict.OK,
            "default._bimi.shop.test is published",
        ),
    ],
)
def test_what_is_published_beside_has_to_be_right(
    names: Names, monkeypatch: pytest.MonkeyPatch, records: str, policy: str, verdict: Verdict, says: str
) -> None:
    def fetched(_: MailDomain) -> str:
        if not policy:
            raise Refused("It answers 404.")
        return policy

    monkeypatch.setattr(MailDomain, "sts_text", fetched)
    names.zone("test", "")
    names.zone("shop.test", f"@ IN MX 10 mail\nmail IN A 192.0.2.1\n{records}")
    found = check_mail_transport.fn(names.domain())
    assert (found.verdict, says in found.says) == (verdict, True), found.says


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv2\nmode: none\nmax_age: 1",
        STS.replace("enforce", "maybe"),
        STS.replace("604800", "-1"),
        STS.replace("604800", "9" * 11),
        STS.replace("mx: *.shop.test\n", ""),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(InvalidTags):
        sts_policy(text)


@pytest.mark.parametrize(
    ("host", "pattern", "covered"),
    [
        ("mail.shop.test", "mail.shop.test", True),
        ("mail.shop.test", "*.shop.test", True),
        ("a.mail.shop.test", "*.shop.test", False),
        ("shop.test", "*.shop.test", False),
        ("bishop.test", "*shop.test", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, pattern: str, covered: bool) -> None:
    assert is_covered(host, [pattern]) is covered


def test_name_servers_that_differ_are_named(names: Names) -> None:
    wanted = [{"name": "shop.test", "value": "v=spf1 -all"}]
    names.zone("shop.test", txt("@", "v=spf1 -all"))
    assert check_mail_name_servers.fn(names.domain(records=wanted)).verdict is Verdict.OK
    with replying(lambda query, _tcp: reply(query)) as other:
        found = check_mail_name_servers.fn(names.domain(authoritative=[names.at, other.at], records=wanted))
        assert found.verdict is Verdict.BAD
        assert f"{other.at} does not say what the first one says of shop.test SOA, shop.test TXT" in found.says


def test_a_record_that_has_not_reached_every_name_server_says_where_it_has_not(names: Names) -> None:
    from tasks.mail_domain.checks import check_declared_records

    wanted = [{"name": "shop.test", "value": "v=spf1 a -all"}]
    names.zone("shop.test", txt("@", "v=spf1 -all"))
    with replying(lambda query, _tcp: reply(query, 'shop.test. 60 TXT "v=spf1 a -all"')) as new:
        found = check_declared_records.fn(names.domain(authoritative=[names.at, new.at], records=wanted))
    assert "Its name servers do not say the same:" in found.remedy
    assert f'{new.at}: "v=spf1 a -all"' in found.remedy


def test_what_is_not_declared_everywhere_is_said_of_each(names: Names) -> None:
    names.zone("shop.test", "")
    found = check_mail_name_servers.fn(names.domain(records=[{"name": "shop.test", "value": "v=spf1 -all"}]))
    assert found.verdict is Verdict.BAD
    assert "has not what is declared: shop.test has no TXT (spf1), though it is declared" in found.says


def test_a_domain_that_resolvers_do_not_believe_is_gone(names: Names) -> None:
    import dns.flags

    names.zone("shop.test", "")

    def doubting(query: dns.message.QueryMessage, _tcp: bool) -> dns.message.Message:
        return reply(query, code=0 if query.flags & dns.flags.CD else 2)

    with replying(doubting) as resolver:
        found = check_mail_name_servers.fn(names.domain(resolvers=[resolver.at]))
    assert found.verdict is Verdict.BAD
    assert "is not believed: DNSSEC failure" in found.says
    assert "Compare the DS record" in found.remedy


def test_a_name_server_that_is_down_beside_one_that_answers_is_bad(names: Names) -> None:
    names.zone("shop.test", "")
    given = names.domain(authoritative=[names.at, "127.0.0.1:1"], limit_s=4)
    found = check_mail_name_servers.fn(given)
    assert found.verdict is Verdict.BAD
    assert "127.0.0.1:1 does not answer: time-out" in found.says
