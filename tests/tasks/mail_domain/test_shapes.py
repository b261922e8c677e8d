"""The table of shapes, asked of a real name server; and records that mean harm, which do none."""

from __future__ import annotations

import time
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest
from dns.rdtypes.ANY.TXT import TXT

from runbooks.markdown import text as markdown
from tasks.check import Check
from tasks.mail_domain.checks import check_declared_records, check_dkim, check_dmarc, check_spf
from tasks.mail_domain.system import MailDomain
from tasks.mail_domain.tags import InvalidTags, tags
from tasks.model import Finding, Verdict
from tests.tasks.dns.replying import reply, replying
from tests.tasks.mail_domain import shapes
from tests.tasks.mail_domain.nameservers import Names, txt
from tests.tasks.mail_domain.test_dkim import LONG, SHORT

ASKS: dict[str, Check[Any]] = {"SPF": check_spf, "DKIM": check_dkim, "DMARC": check_dmarc}
WHERE = {"SPF": "@", "DKIM": "s1._domainkey", "DMARC": "_dmarc"}
TABLE = [(kind, *shape) for kind in ASKS for shape in getattr(shapes, kind)]


def test_it_has_sixty_shapes() -> None:
    assert len(TABLE) >= 60


@pytest.mark.parametrize(
    ("kind", "records", "verdict", "says"),
    [pytest.param(kind, *rest, id=f"{kind}: {name}") for kind, name, *rest in TABLE],
)
def test_it_judges_a_shape(names: Names, kind: str, records: list[str], verdict: Verdict, says: str) -> None:
    if kind == "DKIM":
        keys = {"K": LONG, "S": SHORT}
        records = [
            "".join(keys.get(c, c) if _is_key(record, n) else c for n, c in enumerate(record)) for record in records
        ]
    for name, held in (("esp", "ip4:192.0.2.0/24"), ("other", "ip4:198.51.100.0/24")):
        names.zone(f"{name}.test", txt("@", f"v=spf1 {held} -all"))
    names.zone("test", "")
    lines = [txt(WHERE[kind], record) for record in records]
    lines += [f"out IN A {shapes.IP4}", "@ IN MX 10 out", f"{shapes.IP4}.spf IN A 127.0.0.2"]
    names.zone("shop.test", "\n".join(lines))
    found = ASKS[kind].fn(names.domain(sends_from=[shapes.IP4], selectors=["s1"]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def _is_key(record: str, n: int) -> bool:
    """Does the letter stand alone, as a key's mark?"""
    return record[max(n - 1, 0)] in '=-"' and (record[n + 1 : n + 2] in ("", ";", "-", '"'))


HARMFUL = {
    "terminal": "v=spf1 \x1b]0;owned\x07\x1b[2J -all",
    "html": "v=spf1 <script>alert(1)</script> -all",
    "markdown": "v=spf1 ![x](https://evil.test/x.png) [click](javascript:1) **`| -all",
    "quotes": "v=spf1 \"'`$(id)`'\" ; \\\\ -all",
    "direction": "v=spf1 \u202eall- -all",
    "long": "v=spf1 " + "a:x.shop.test " * 4000,
    "one long term": "v=spf1 " + "a" * 60_000,
    "one long name": "v=spf1 a:" + "a." * 30_000 + "test -all",
    "many macros": "v=spf1 exists:" + "%{d}" * 2000 + ".test -all",
}


@pytest.mark.parametrize("kind", ASKS)
@pytest.mark.parametrize("harm", HARMFUL)
def test_a_record_that_means_harm_is_shown_and_does_none(harm: str, kind: str) -> None:
    text = HARMFUL[harm].replace("v=spf1", {"SPF": "v=spf1", "DKIM": "v=DKIM1; p=", "DMARC": "v=DMARC1;"}[kind])
    parts = [text.encode()[n : n + 255] for n in range(0, len(text.encode()), 255)]
    record = TXT(dns.rdataclass.IN, dns.rdatatype.TXT, parts)

    def say(query: dns.message.QueryMessage, tcp: bool) -> dns.message.Message:
        said = reply(query)
        if tcp:
            said.answer.append(dns.rrset.from_rdata(query.question[0].name, 60, record))
        else:
            said.flags |= dns.flags.TC
        return said

    with replying(say) as server:
        records = [{"name": "shop.test", "value": "v=spf1 -all"}]
        given = at(server.at, selectors=["s1"], records=records)
        begun = time.process_time()
        found = [ASKS[kind].fn(given), check_declared_records.fn(given)]
    assert found[1].verdict is Verdict.BAD
    # Processor time, not the clock's: no text of 64 kB may be costly to read, as one of a slow pattern would be.
    assert time.process_time() - begun < 20
    for one in found:
        _is_harmless(one)


def at(server: str, **more: Any) -> MailDomain:
    """A domain about which that server is asked, and no other."""
    given = {"resolvers": [server], "authoritative": [server], "limit_s": 5, **more}
    return MailDomain.model_validate({"domain": "shop.test", **given})


def _is_harmless(found: Finding) -> None:
    shown = f"{found.says}{found.rows}{found.facts}"
    assert len(shown) < 20_000
    for said in (found.says, *(str(value) for row in found.rows for value in row.values())):
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert "<script" not in markdown(found.says).replace("\\<script", "")


def test_a_wildcard_that_answers_everything_with_a_text_is_no_policy(names: Names) -> None:
    say = '"all names here say this"'
    with replying(lambda query, _tcp: reply(query, f"{query.question[0].name} 60 TXT {say}")) as server:
        given = at(server.at, selectors=["s1"])
        assert check_spf.fn(given).says == "shop.test has no SPF record."
        assert "holds no key: “all names here say this”" in check_dkim.fn(given).says
        assert "has no DMARC policy" in check_dmarc.fn(given).says


def test_aliases_that_lead_in_a_circle_end(names: Names) -> None:
    names.zone("shop.test", "s1._domainkey IN CNAME s2._domainkey\ns2._domainkey IN CNAME s1._domainkey")
    found = check_dkim.fn(names.domain(selectors=["s1"]))
    assert found.verdict is Verdict.UNKNOWN
    assert "its CNAMEs lead in a circle" in found.says


def test_a_text_one_character_too_long_is_not_read() -> None:
    assert len(tags("v=x; " + "a" * (16_384 - 8) + "=b;")) == 2
    with pytest.raises(InvalidTags, match="more than anybody reads"):
        tags("v=x; " + "a" * (16_384 - 7) + "=b;")
