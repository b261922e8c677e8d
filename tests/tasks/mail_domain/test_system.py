"""The door to a sending domain: its settings, its name servers, and whom it asks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.dns.looked import Outcome
from tasks.mail_domain.system import MailDomain
from tasks.model import Verdict
from tests.tasks.mail_domain.nameservers import Names, txt

EXAMPLE = Path(__file__).parents[3] / "environments.example.toml"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"domain": "shop"}, "is a top-level domain"),
        ({"domain": "https://shop.test"}, "is no name of a domain"),
        ({"subdomains": ["other.test"]}, "other.test does not lie under shop.test"),
        ({"records": [{"name": "shop.test", "type": "SOA", "value": "x"}]}, "only TXT, CNAME, MX"),
        ({"records": [{"name": "bishop.test", "value": "x"}]}, "bishop.test does not lie under shop.test"),
        ({"resolvers": ["ns1.shop.test"]}, "is no name server"),
        ({"sends_from": ["192.0.2.256"]}, "IPv4"),
        ({"blocklists": ["dnsbl.sorbs.net"]}, "shut down in June 2024"),
    ],
)
def test_it_refuses_what_cannot_be_meant(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        MailDomain.model_validate({"domain": "shop.test", **given})


def test_its_example_can_be_used_as_it_stands() -> None:
    text = EXAMPLE.read_text(encoding="utf-8").split("# [environments.production.systems.mail_domain]")[1]
    shown = re.findall(r"(?m)^# (\[.*\]|\w+ = .*)$", text.partition("\n\n")[0])
    found = tomllib.loads("\n".join(["[environments.production.systems.mail_domain]", *shown]))
    system = MailDomain.model_validate(found["environments"]["production"]["systems"]["mail_domain"])
    assert (system.domain, len(system.records), system.update is None) == ("example.com", 2, False)
    assert MailDomain.model_validate(tomllib.loads(MailDomain.config_lines)).selectors == ("s1", "s2")


def test_it_asks_the_name_servers_that_the_domain_names(names: Names) -> None:
    names.zone("shop.test", "@ IN NS ns2\nns2 IN A 192.0.2.53")
    given = names.domain(authoritative=[])
    assert given.name_servers() == {"127.0.0.1": "ns1.shop.test", "192.0.2.53": "ns2.shop.test"}


def test_it_asks_those_above_a_name_that_is_no_zone(names: Names) -> None:
    names.zone("shop.test", "a.b IN A 192.0.2.1")
    assert list(names.domain("a.b.shop.test", authoritative=[]).name_servers().values()) == ["ns1.shop.test"]


def test_a_name_server_that_is_silent_leaves_the_question_to_the_resolvers(names: Names) -> None:
    names.zone("shop.test", txt("@", "v=spf1 -all"))
    given = names.domain(authoritative=["127.0.0.1:1"], limit_s=3)
    assert given.authority() is None
    assert given.look("shop.test", "TXT").texts == ("v=spf1 -all",)
    assert [found.verdict for found in given.examine()] == [Verdict.WARN]
    assert [found.verdict for found in names.domain().examine()] == [Verdict.OK]


def test_an_alias_is_followed_beyond_the_domains_own_servers(names: Names) -> None:
    names.zone("shop.test", "a IN CNAME b\nb IN CNAME c.provider.test.\nx IN CNAME gone.provider.test.")
    names.zone("provider.test", txt("c", "here"))
    given = names.domain()
    looked = given.look("a.shop.test", "TXT")
    assert (looked.texts, looked.aliases) == (("here",), ("b.shop.test", "c.provider.test"))
    assert given.look("x.shop.test", "TXT").outcome is Outcome.NO_SUCH_NAME
    names.zone("provider.test", "c IN CNAME a.shop.test.")
    circle = given.look("a.shop.test", "TXT")
    assert (circle.outcome, circle.texts) == (Outcome.NONSENSE, ())


def test_a_key_for_updates_is_shown_nowhere(names: Names) -> None:
    given = names.domain()
    assert given.update is not None
    assert given.update.key.get_secret_value() not in f"{given!r}{given.updates()!r}"
