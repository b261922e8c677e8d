"""SPF of a sending domain, asked of a real name server."""

from __future__ import annotations

import pytest

from tasks.mail_domain.checks import check_spf
from tasks.mail_domain.spf.record import InvalidRecord, parsed
from tasks.model import Verdict
from tests.tasks.mail_domain.nameservers import Names, txt

HERE = "192.0.2.10"


@pytest.mark.parametrize(
    ("records", "verdict", "says"),
    [
        (["v=spf1 ip4:192.0.2.0/24 -all"], Verdict.OK, "allows 1 of 1 addresses and takes 0 look-ups"),
        (["V=SPF1 a:out.shop.test -all"], Verdict.OK, "allows 1 of 1 addresses and takes 1 look-ups"),
        (["v=spf1 mx -all"], Verdict.OK, "allows 1 of 1"),
        (["v=spf1 exists:%{ir}.allowed.shop.test -all"], Verdict.OK, "allows 1 of 1"),
        (["v=spf1 include:provider.shop.test -all"], Verdict.OK, "allows 1 of 1"),
        (["v=spf1 redirect=provider.shop.test"], Verdict.OK, "allows 1 of 1"),
        (["google-site-verification=x", "v=spf1 ip4:192.0.2.10 ~all"], Verdict.OK, "allows 1 of 1"),
        ([], Verdict.BAD, "has no SPF record"),
        (["v=spf10 -all"], Verdict.BAD, "has no SPF record"),
        (["v=spf1 ip4:192.0.2.10 -all", "v=spf1 a -all"], Verdict.BAD, "has 2 SPF records, so none counts (permerror)"),
        (["v=spf1 ip4:198.51.100.1 -all"], Verdict.BAD, "does not allow 192.0.2.10: fail by shop.test: -all"),
        (["v=spf1 ip4:198.51.100.1 ~all"], Verdict.BAD, "does not allow 192.0.2.10: softfail"),
        (["v=spf1 ip4:192.0.2.10 +all"], Verdict.BAD, "says +all: everybody may send in its name"),
        (["v=spf1 all"], Verdict.BAD, "says +all"),
        (["v=spf1 ip4:192.0.2.10 ?all"], Verdict.WARN, "says nothing about who else sends"),
        (["v=spf1 ip4:192.0.2.10"], Verdict.WARN, "says nothing about who else sends"),
        (["v=spf1 ip4:192.0.2.10 ptr -all"], Verdict.WARN, "uses ptr"),
        (["v=spf1 ip4:192.0.2.10 ip4:256.1.1.1 -all"], Verdict.BAD, "“ip4:256.1.1.1” is no network"),
        (["v=spf1 ip4:192.0.2.10, -all"], Verdict.BAD, "“ip4:192.0.2.10,” is no network"),
        (["v=spf1 ip4:192.0.2.10 include:gone.shop.test -all"], Verdict.BAD, "gone.shop.test has no SPF record"),
        (["v=spf1 include:loop.shop.test -all"], Verdict.BAD, "it takes more than 40 look-ups"),
        (
            ["v=spf1 ip4:192.0.2.10 a:v1.shop.test a:v2.shop.test a:v3.shop.test -all"],
            Verdict.BAD,
            "has 3 look-ups that lead to nothing",
        ),
        (
            [f"v=spf1 ip4:{HERE} " + " ".join(f"a:h{n}.shop.test" for n in range(8)) + " -all"],
            Verdict.OK,
            "takes 8 look-ups",
        ),
        (
            [f"v=spf1 ip4:{HERE} " + " ".join(f"a:h{n}.shop.test" for n in range(9)) + " -all"],
            Verdict.WARN,
            "takes 9 look-ups (bad from 11)",
        ),
        (
            [f"v=spf1 ip4:{HERE} " + " ".join(f"a:h{n}.shop.test" for n in range(11)) + " -all"],
            Verdict.BAD,
            "takes 11 look-ups (bad from 11)",
        ),
    ],
)
def test_it_judges_as_receivers_do(names: Names, records: list[str], verdict: Verdict, says: str) -> None:
    there = [txt("@", text) for text in records]
    there += [txt("provider", "v=spf1 ip4:192.0.2.0/28 -all"), txt("loop", "v=spf1 include:loop.shop.test -all")]
    there += ["out IN A 192.0.2.10", "@ IN MX 10 out", "10.2.0.192.allowed IN A 127.0.0.2"]
    there += [f"h{n} IN A 198.51.100.{n}" for n in range(12)]
    names.zone("shop.test", "\n".join(there))
    found = check_spf.fn(names.domain(sends_from=[HERE]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_it_says_the_record_that_merges_two(names: Names) -> None:
    names.zone("shop.test", f"{txt('@', 'v=spf1 include:a.test -all')}\n{txt('@', 'v=spf1 include:b.test ~all')}")
    found = check_spf.fn(names.domain(sends_from=[HERE]))
    assert found.remedy == (
        'Publish\nshop.test. 300 IN TXT "v=spf1 include:a.test include:b.test ip4:192.0.2.10 ~all"\n'
        'in place of\n  shop.test. 300 IN TXT "v=spf1 include:a.test -all"\n'
        '  shop.test. 300 IN TXT "v=spf1 include:b.test ~all"'
    )


def test_it_says_the_record_that_is_declared(names: Names) -> None:
    names.zone("shop.test", txt("@", "v=spf1 -all"))
    wanted = "v=spf1 include:mail.test ip4:192.0.2.10 -all"
    found = check_spf.fn(names.domain(sends_from=[HERE], records=[{"name": "shop.test", "value": wanted}]))
    assert found.remedy.startswith(f'Publish\nshop.test. 300 IN TXT "{wanted}"\nin place of\n')


def test_every_name_of_the_envelope_is_judged(names: Names) -> None:
    names.zone("shop.test", f"{txt('@', 'v=spf1 a:x -all')}\n{txt('news', 'v=spf1 ip4:192.0.2.10 -all')}")
    given = names.domain(subdomains=["news.shop.test", "m.shop.test"], sends_from=[HERE])
    found = check_spf.fn(given)
    assert [row["name"] for row in found.rows] == ["shop.test", "m.shop.test"]
    assert check_spf.fn(names.domain(mail_from=["news.shop.test"], sends_from=[HERE])).verdict is Verdict.OK


def test_silence_is_no_health(names: Names) -> None:
    given = names.domain(resolvers=["127.0.0.1:1"], authoritative=["127.0.0.1:1"], limit_s=0.3)
    found = check_spf.fn(given)
    assert found.verdict is Verdict.UNKNOWN
    assert "cannot be judged now: shop.test TXT: time-out" in found.says


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 " + "a" * 16_384,
        "v=spf1 ip4:192.0.2.1/33 -all",
        "v=spf1 a:-bad -all",
        "v=spf1 include -all",
        "v=spf1 redirect=a.test redirect=b.test",
        "v=spf1 a:%{x}.test -all",
        "v=spf1 a:%{d0}.test -all",
        "v=spf1 bogus -all",
        "v=spf1 all:x",
        "v=spf1 ip6:::g -all",
        "v=spf1 a/33",
        "v=spf1 é -all",
    ],
)
def test_what_breaks_the_grammar_is_an_error(text: str) -> None:
    with pytest.raises(InvalidRecord):
        parsed(text)


@pytest.mark.parametrize("text", ["v=spf1", "v=spf1 a//64", "v=spf1 moo=%{d} -all", "v=spf1 A:b.test/24//64 -ALL"])
def test_it_reads_what_the_grammar_allows(text: str) -> None:
    assert parsed(text).text == text


def test_a_dead_mail_exchanger_is_one_look_up_to_nothing_and_the_others_count(names: Names) -> None:
    """checkdmarc 6.0.4 leaves out the whole mechanism then."""
    names.zone("shop.test", f"@ IN MX 10 gone\n@ IN MX 20 out\nout IN A 192.0.2.10\n{txt('@', 'v=spf1 mx -all')}")
    found = check_spf.fn(names.domain(sends_from=[HERE]))
    assert found.verdict is Verdict.OK, found.says
    assert found.facts["shop.test"]["voids"] == 1  # type: ignore[call-overload, index]


def test_exists_is_asked_and_leads_to_nothing_as_others_do(names: Names) -> None:
    """checkdmarc 6.0.4 never asks it, and so never counts it."""
    terms = " ".join(f"exists:no{n}.shop.test" for n in range(3))
    names.zone("shop.test", txt("@", f"v=spf1 ip4:192.0.2.10 {terms} -all"))
    found = check_spf.fn(names.domain(sends_from=[HERE]))
    assert "has 3 look-ups that lead to nothing; at the third it is an error" in found.says
