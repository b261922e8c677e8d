"""DMARC policies by the tree walk of RFC 9989, asked of a real name server."""

from __future__ import annotations

import pytest

from tasks.mail_domain.checks import check_dmarc
from tasks.mail_domain.dmarc import Policy, aligned, organisation, policy, walked
from tasks.mail_domain.system import MailDomain
from tasks.model import Verdict
from tests.tasks.mail_domain.nameservers import Names, txt


def tree(names: Names, **records: str) -> MailDomain:
    """A `.test` that holds these names: a.b stands for a_b."""
    lines = [
        txt(f"_dmarc.{name.replace('_', '.')}" if name != "top" else "_dmarc", text) for name, text in records.items()
    ]
    names.zone("test", "\n".join(lines))
    return names.domain(authoritative=[names.at])


def told(given: MailDomain, name: str) -> tuple[str, str, str]:
    found = policy(given.resolver.look, name)
    assert isinstance(found, Policy)
    return found.applies, found.at, found.tag


@pytest.mark.parametrize(
    ("records", "name", "expected"),
    [
        ({"shop": "v=DMARC1; p=reject"}, "shop.test", ("reject", "shop.test", "p")),
        ({"shop": "v=DMARC1; p=reject; sp=none"}, "shop.test", ("reject", "shop.test", "p")),
        ({"shop": "v=DMARC1; p=reject; sp=quarantine"}, "a.shop.test", ("quarantine", "shop.test", "sp")),
        ({"shop": "v=DMARC1; p=reject; sp=none; np=quarantine"}, "a.shop.test", ("quarantine", "shop.test", "np")),
        ({"shop": "v=DMARC1; p=reject"}, "a.b.shop.test", ("reject", "shop.test", "p")),
        ({"shop": "v=DMARC1; p=reject", "a_shop": "v=DMARC1; p=none"}, "a.shop.test", ("none", "a.shop.test", "p")),
        ({"shop": "v=DMARC1; p=reject", "b_shop": "v=DMARC1; p=none"}, "a.b.shop.test", ("reject", "shop.test", "p")),
        (
            {"b_shop": "v=DMARC1; p=none; psd=n", "shop": "v=DMARC1; p=reject"},
            "a.b.shop.test",
            ("none", "b.shop.test", "p"),
        ),
        ({"top": "v=DMARC1; p=reject; psd=y"}, "shop.test", ("reject", "test", "p")),
        ({"top": "v=DMARC1; p=reject; psd=y", "shop": "v=DMARC1; p=none"}, "a.shop.test", ("none", "shop.test", "p")),
        ({"shop": "v=DMARC1; rua=mailto:a@shop.test"}, "shop.test", ("none", "shop.test", "p")),
        ({"shop": "v=DMARC1; p=bogus; rua=mailto:a@shop.test"}, "shop.test", ("none", "shop.test", "p")),
        ({"shop": "v=DMARC1;p=REJECT"}, "shop.test", ("reject", "shop.test", "p")),
        ({"shop": "v=DMARC1; p=bogus"}, "shop.test", None),
        ({"shop": "v=dmarc1; p=none"}, "shop.test", None),
        ({"shop": "p=none; v=DMARC1"}, "shop.test", None),
        ({"shop": "v=DMARC1; p"}, "shop.test", None),
        ({"shop": "v=DMARC1 p=none"}, "shop.test", None),
    ],
)
def test_it_finds_the_policy_that_applies(
    names: Names, records: dict[str, str], name: str, expected: tuple[str, str, str] | None
) -> None:
    given = tree(names, **records)
    if expected is None:
        assert not isinstance(policy(given.resolver.look, name), Policy)
    else:
        assert told(given, name) == expected


def test_the_walk_asks_eight_times_at_most_and_jumps_over_what_is_deep(names: Names) -> None:
    given = tree(names, top="v=DMARC1; p=none")
    deep = ".".join("abcdefghijk") + ".shop.test"
    asked = [step.name for step in walked(given.resolver.look, deep)]
    assert asked[:3] == [deep, "g.h.i.j.k.shop.test", "h.i.j.k.shop.test"]
    assert len(asked) == 8
    assert asked[-1] == "test"


@pytest.mark.parametrize(
    ("records", "name", "top"),
    [
        ({}, "a.shop.test", "a.shop.test"),
        ({"shop": "v=DMARC1; p=none"}, "a.b.shop.test", "shop.test"),
        ({"b_shop": "v=DMARC1; p=none; psd=n", "shop": "v=DMARC1; p=none"}, "a.b.shop.test", "b.shop.test"),
        ({"shop": "v=DMARC1; p=none; psd=y"}, "a.b.shop.test", "b.shop.test"),
        ({"shop": "v=DMARC1; p=none; psd=y"}, "shop.test", "shop.test"),
    ],
)
def test_it_finds_the_organisation(names: Names, records: dict[str, str], name: str, top: str) -> None:
    assert organisation(walked(tree(names, **records).resolver.look, name)) == top


def test_alignment_is_by_organisation_or_to_the_letter(names: Names) -> None:
    look = tree(names, shop="v=DMARC1; p=none").resolver.look
    assert aligned(look, "a.shop.test", "b.shop.test", strict=False)
    assert not aligned(look, "a.shop.test", "b.shop.test", strict=True)
    assert aligned(look, "shop.test", "shop.test", strict=True)
    assert not aligned(look, "shop.test", "other.test", strict=False)


@pytest.mark.parametrize(
    ("record", "verdict", "says"),
    [
        ("v=DMARC1; p=none; rua=mailto:d@shop.test", Verdict.OK, "has the DMARC policy none"),
        ("v=DMARC1; p=none", Verdict.WARN, "watches only, and sends its reports to nobody"),
        ("v=DMARC1; p=reject; pct=50", Verdict.WARN, "pct=50: gone from RFC 9989"),
        ("v=DMARC1; p=reject; t=y", Verdict.WARN, "t=y: a test"),
        ("v=DMARC1; p=reject; foo=bar", Verdict.WARN, "unknown: foo"),
        ("v=DMARC1; p=reject; rua=d@shop.test", Verdict.WARN, "“d@shop.test” in rua is no address for reports"),
        ("v=DMARC1; p=reject; rua=mailto:x@reports.test", Verdict.OK, "has the DMARC policy reject"),
        ("v=DMARC1; p=reject; rua=mailto:x@silent.test", Verdict.WARN, "silent.test has not said that it takes"),
        ("v=DMARC1; p", Verdict.BAD, "has a DMARC record that cannot be read"),
        ("", Verdict.BAD, "has no DMARC policy, neither its own nor of a name above it"),
    ],
)
def test_it_says_how_a_policy_is(names: Names, record: str, verdict: Verdict, says: str) -> None:
    lines = [txt("_dmarc.shop", record)] if record else []
    lines += [txt("shop.test._report._dmarc.reports", "v=DMARC1")]
    names.zone("test", "\n".join(lines))
    found = check_dmarc.fn(names.domain(selectors=["s1"]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_two_records_are_none(names: Names) -> None:
    names.zone("test", f"{txt('_dmarc.shop', 'v=DMARC1; p=none')}\n{txt('_dmarc.shop', 'v=DMARC1; p=reject')}")
    found = check_dmarc.fn(names.domain())
    assert "has 2 DMARC records, so none counts" in found.says
    assert '_dmarc.shop.test. 300 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@shop.test"' in found.remedy


def test_mail_that_nothing_is_aligned_with_fails(names: Names) -> None:
    names.zone("test", txt("_dmarc.shop", "v=DMARC1; p=reject; adkim=s; aspf=s"))
    given = names.domain(mail_from=["bounces.shop.test"], selectors=["s1._domainkey.mail.shop.test"])
    found = check_dmarc.fn(given)
    assert found.verdict is Verdict.BAD
    assert "no domain of its envelopes or keys is aligned with it: all its mail fails" in found.says
    relaxed = names.domain(mail_from=["bounces.shop.test"], selectors=["s1"])
    assert check_dmarc.fn(relaxed).verdict is Verdict.OK


def test_a_subdomain_without_a_record_has_its_organisations(names: Names) -> None:
    names.zone("test", txt("_dmarc.shop", "v=DMARC1; p=reject; sp=quarantine") + "\nnews.shop IN A 192.0.2.1")
    found = check_dmarc.fn(names.domain(subdomains=["news.shop.test"]))
    assert "news.shop.test has the DMARC policy quarantine (by sp= of shop.test)" in found.says
