"""Many domains of users in one round: what they have in common is asked once, and the sick ones are named."""

from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import pytest
from pydantic import ValidationError

from runbooks.onboarding.domain_verification import runbook
from tasks.kept import one_round
from tasks.mail_domain.checks import check_user_domains
from tasks.mail_domain.system import UserDomains
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.dns.replying import reply, replying
from tests.tasks.mail_domain.nameservers import Names, txt
from tests.tasks.mail_domain.test_dkim import LONG

SHARED = {"selectors": ["s1"], "sends_from": ["192.0.2.10"], "limit_s": 5}
WELL = "\n".join(
    [txt("@", "v=spf1 include:esp.test -all"), txt("s1._domainkey", f"p={LONG}"), txt("_dmarc", "v=DMARC1; p=reject")]
)


def test_it_names_those_that_do_not_verify(names: Names) -> None:
    names.zone("test", "")
    names.zone("esp.test", txt("@", "v=spf1 ip4:192.0.2.0/24 -all"))
    for n in range(20):
        names.zone(f"d{n}.test", WELL)
    names.zone("d7.test", WELL.replace("include:esp.test", ""))
    domains = [f"d{n}.test" for n in range(20)]
    found = check_user_domains.fn(UserDomains(domains=domains, resolvers=[names.at], **SHARED))  # type: ignore[arg-type]
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "Of 20 domains of users 1 do not verify as they ought to: "
        "d7.test does not allow 192.0.2.10: fail by d7.test: -all."
    )
    assert [row["name"] for row in found.rows] == ["d7.test"]
    names.zone("d7.test", WELL)
    well = check_user_domains.fn(UserDomains(domains=domains, resolvers=[names.at], **SHARED))  # type: ignore[arg-type]
    assert well.says == "All 20 domains of users verify."


def test_what_they_have_in_common_is_asked_once(names: Names) -> None:
    texts = {"esp.test.": "v=spf1 ip4:192.0.2.0/24 -all"}

    def say(query: dns.message.QueryMessage, _tcp: bool) -> dns.message.Message:
        name = query.question[0].name.to_text()
        text = texts.get(name, "v=spf1 include:esp.test -all" if name.count(".") == 2 else "")
        text = "v=DMARC1; p=none; rua=mailto:d@esp.test" if name == "_dmarc.test." else text
        return reply(query, f'{name} 60 TXT "{text}"') if text else reply(query, code=3)

    with replying(say) as server, one_round():
        given = UserDomains(domains=[f"d{n}.test" for n in range(30)], resolvers=[server.at], **SHARED)  # type: ignore[arg-type]
        check_user_domains.fn(given)
        assert server.times("esp.test.", "TXT") == 1
        assert server.times("_dmarc.test.", "TXT") == 1
        assert max(server.asked.values()) == 1


def test_no_question_of_a_diagnosis_is_asked_twice() -> None:
    """Every question of the runbook, put as `--plan-only` puts them; and that a second diagnosis remembers nothing."""
    from flows.life.diagnose import look
    from tasks.environment import Environment, Kind
    from tests.tasks.mail_domain.test_shapes import at

    def say(query: dns.message.QueryMessage, _tcp: bool) -> dns.message.Message:
        name = query.question[0].name.to_text()
        return reply(query, f'{name} 60 TXT "v=spf1 include:esp.other.test -all"')

    with replying(say) as server:
        subdomains = [f"{name}.shop.test" for name in "abcd"]
        records = [{"name": "shop.test", "value": "v=spf1 -all"}]
        given = at(server.at, subdomains=subdomains, selectors=["s1", "s2"], sends_from=["192.0.2.10"], records=records)
        place = Environment(name="lab", kind=Kind.LAB, systems={"mail_domain": given})
        look(runbook, place, lambda *_: None)
        assert max(server.asked.values()) == 1
        look(runbook, place, lambda *_: None)
        assert max(server.asked.values()) == 2


@pytest.mark.parametrize(
    ("text", "names_"),
    [("a.test\n\n# none\nB.test. # comment\n", ["a.test", "b.test"]), ("a.test\na.test", ["a.test"])],
)
def test_it_reads_a_file_of_domains(tmp_path: Path, text: str, names_: list[str]) -> None:
    file = tmp_path / "domains.txt"
    file.write_text(text, encoding="utf-8")
    assert list(UserDomains(file=file).each()) == names_


def test_what_is_no_domain_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "domains.txt"
    file.write_text("a.test\nnot a domain\n", encoding="utf-8")
    with pytest.raises(Refused, match="line 2: 'not a domain' is no name of a domain"):
        UserDomains(file=file).each()
    with pytest.raises(CannotLook, match="cannot be read"):
        UserDomains(file=tmp_path / "none.txt").each()
    file.write_text("\n".join(f"d{n}.test" for n in range(5001)), encoding="utf-8")
    with pytest.raises(Refused, match="There are 5,001 domains"):
        UserDomains(file=file).each()
    with pytest.raises(ValidationError, match="neither `file` nor `domains` is given"):
        UserDomains()
