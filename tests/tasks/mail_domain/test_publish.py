"""Records published by dynamic update: exactly those of the plan, only where nothing has changed, and back again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab.name_server import Zones
from tasks.dns.updates import Updates
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.mail_domain.actions import PublishRecords
from tasks.mail_domain.checks import check_declared_records, check_dkim, check_dmarc, check_spf
from tasks.mail_domain.faults import (
    MisspellDmarc,
    PublishForeignKey,
    PublishSecondSpf,
    RemoveDkim,
    RemoveDmarc,
    RemoveSpf,
)
from tasks.mail_domain.system import MailDomain, Update
from tasks.model import CannotLook, Plan, Refused, Verdict
from tests.tasks.mail_domain.nameservers import KEY_NAME, Names, txt
from tests.tasks.mail_domain.test_dkim import LONG

SPF = "v=spf1 ip4:192.0.2.10 -all"
KEY = f"v=DKIM1; k=rsa; p={LONG}"
DMARC = "v=DMARC1; p=reject; rua=mailto:dmarc@shop.test"
PROOF = "google-site-verification=abc"
RECORDS = (
    {"name": "shop.test", "value": SPF},
    {"name": "s1._domainkey.shop.test", "value": KEY},
    {"name": "_dmarc.shop.test", "value": DMARC},
)
WELL = "\n".join([txt("@", SPF), txt("@", PROOF), txt("s1._domainkey", KEY), txt("_dmarc", DMARC)])
FAULTS = [
    (RemoveSpf(), check_spf, "shop.test has no SPF record."),
    (PublishSecondSpf(), check_spf, "has 2 SPF records, so none counts"),
    (RemoveDkim(), check_dkim, "has no key (NXDOMAIN)"),
    (PublishForeignKey(), check_dkim, "is an Ed25519 key, and not the key that is declared"),
    (RemoveDmarc(), check_dmarc, "has no DMARC policy"),
    (MisspellDmarc(), check_dmarc, "has no DMARC policy"),
]


def shop(names: Names, **more: Any) -> MailDomain:
    return names.domain(sends_from=["192.0.2.10"], selectors=["s1"], records=RECORDS, **more)


def texts(given: MailDomain, name: str) -> set[str]:
    return set(given.look(name, "TXT").texts)


def lab(given: MailDomain) -> Environment:
    return Environment(name="lab", kind=Kind.LAB, systems={"mail_domain": given})


@pytest.mark.parametrize(("fault", "noticed_by", "says"), FAULTS, ids=lambda one: type(one).__name__)
def test_what_a_drill_breaks_is_noticed_published_and_taken_back(
    names: Names, fault: Any, noticed_by: Any, says: str
) -> None:
    names.zone("test", "")
    names.zone("shop.test", WELL)
    given, action = shop(names), PublishRecords()
    assert [check.fn(given).verdict for check in (check_spf, check_dkim, check_dmarc, check_declared_records)] == [
        0
    ] * 4
    with fault.during(lab(given)):
        found = noticed_by.fn(given)
        assert (found.verdict, says in found.says) == (Verdict.BAD, True), found.says
        assert check_declared_records.fn(given).verdict is Verdict.BAD
        broken = {name: texts(given, name) for name in ("shop.test", "s1._domainkey.shop.test", "_dmarc.shop.test")}
        plan = action.plan(given)
        assert len(plan.commands) == 1
        assert action.applied(given, plan) is False
        outcome = action.apply(given, plan)
        assert outcome.complete
        assert action.applied(given, plan) is True
        assert noticed_by.fn(given).verdict is Verdict.OK
        # Whatever else stands under the name stays there.
        assert PROOF in texts(given, "shop.test")
        assert action.plan(given).commands == ()
        # A run that is taken up again finds it done, and changes nothing.
        assert action.apply(given, plan) == outcome
        back = action.undoing(plan, outcome)
        assert back is not None
        undone = back.plan(given)
        assert back.apply(given, undone).complete
        assert {name: texts(given, name) for name in broken} == broken
        assert back.plan(given).commands == ()
    assert check_declared_records.fn(given).verdict is Verdict.OK
    assert texts(given, "shop.test") == {SPF, PROOF}


def test_its_plan_is_exact(names: Names) -> None:
    names.zone("shop.test", f"{txt('@', PROOF)}\n{txt('@', 'v=spf1 a -all')}\n{txt('_dmarc', DMARC)}")
    plan = PublishRecords().plan(shop(names))
    spf = plan.commands[0]
    assert spf.line == f'update delete shop.test. TXT "v=spf1 a -all"\nupdate add shop.test. 300 TXT "{SPF}"'
    assert spf.target["before"] == ['"google-site-verification=abc"', '"v=spf1 a -all"']
    assert spf.target["after"] == ['"google-site-verification=abc"', f'"{SPF}"']
    assert f'"{KEY[:255]}" "{KEY[255:]}"' in plan.commands[1].line
    assert str(plan.blast_radius) == "2 of 3 declared records"


def test_nothing_is_changed_where_something_else_stands_there_by_then(names: Names) -> None:
    names.zone("shop.test", txt("_dmarc", DMARC) + "\n" + txt("s1._domainkey", KEY))
    given, action = shop(names), PublishRecords()
    plan = action.plan(given)
    names.zone("shop.test", WELL.replace(SPF, "v=spf1 a -all"))
    outcome = action.apply(given, plan)
    assert not outcome.complete
    assert "says that records are there which were not: look again" in outcome.says
    assert outcome.not_done == [plan.commands[0].target]
    assert "v=spf1 a -all" in texts(given, "shop.test")
    assert action.undoing(plan, outcome) is None


def test_what_was_done_before_a_run_broke_off_is_not_told_as_left(names: Names) -> None:
    names.zone("shop.test", "")
    given, action = shop(names), PublishRecords()
    plan = action.plan(given)
    first = plan.commands[0].target
    action.apply(given, replace(plan, commands=plan.commands[:1]))
    names.zone("shop.test", txt("@", SPF) + "\n" + txt("_dmarc", "v=DMARC1; p=none"))
    outcome = action.apply(given, plan)
    assert (first["name"], outcome.complete) == ("shop.test", False)
    assert outcome.says.startswith("2 record sets published. Not done: ")
    assert [row["name"] for row in outcome.not_done] == ["_dmarc.shop.test"]
    assert action.applied(given, plan) is False


def test_a_change_whose_answer_got_lost_is_looked_for(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.zone("shop.test", txt("@", SPF) + "\n" + txt("_dmarc", DMARC))
    given, action = shop(names), PublishRecords()
    plan, replaced = action.plan(given), Updates.replace

    def lost(updates: Updates, *where: str, **what: Any) -> None:
        replaced(updates, *where, **what)
        raise CannotLook("It did not answer a change (Timeout).")

    monkeypatch.setattr(Updates, "replace", lost)
    assert action.apply(given, plan).complete
    # Where it does not answer a look either, it is not told as done.
    monkeypatch.setattr(Updates, "look", lambda *_: (_ for _ in ()).throw(CannotLook("Silence.")))
    assert not action.apply(given, plan).complete


def test_what_somebody_changed_since_is_not_taken_back(names: Names) -> None:
    names.zone("shop.test", WELL.replace(SPF, "v=spf1 -all"))
    given, action = shop(names), PublishRecords()
    plan = action.plan(given)
    outcome = action.apply(given, plan)
    names.zone("shop.test", WELL.replace(SPF, "v=spf1 mx -all"))
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.plan(given).commands == ()


def test_an_alias_is_left_to_whoever_it_leads_to(names: Names) -> None:
    names.zone("provider.test", txt("k", "v=DKIM1; p="))
    names.zone("shop.test", WELL.replace(txt("s1._domainkey", KEY), "s1._domainkey IN CNAME k.provider.test."))
    plan = PublishRecords().plan(shop(names))
    assert plan.commands == ()
    assert "s1._domainkey.shop.test is an alias of k.provider.test" in plan.does


def test_several_records_under_one_name_are_one_change(names: Names) -> None:
    names.zone("shop.test", "")
    records = [{"name": "shop.test", "value": SPF}, {"name": "shop.test", "value": PROOF}]
    given = names.domain(records=records)
    plan = PublishRecords().plan(given)
    assert len(plan.commands) == 1
    assert PublishRecords().apply(given, plan).complete
    assert texts(given, "shop.test") == {SPF, PROOF}


def test_without_a_server_for_updates_it_says_what_to_do(names: Names) -> None:
    names.zone("shop.test", "")
    given = shop(names, update=None)
    plan = PublishRecords().plan(given)
    assert plan.commands == ()
    assert "no server takes changes to shop.test from here" in plan.does
    with pytest.raises(Refused, match="nobody here may change its records"):
        RemoveSpf().cause(given)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nd3I=", "it does not know the key tests, or takes no changes"),
        ("abc", "cannot be used"),
    ],
)
def test_a_wrong_key_changes_nothing_and_is_not_shown(names: Names, key: str, says: str) -> None:
    names.zone("shop.test", "")
    given = shop(names, update=Update(server=names.at, key_name=KEY_NAME, key=SecretStr(key)))
    action = PublishRecords()
    outcome = action.apply(given, action.plan(given))
    assert not outcome.complete
    assert says in outcome.says
    assert key not in str(outcome)
    assert texts(given, "shop.test") == set()


def test_an_update_without_a_signature_is_refused(names: Names) -> None:
    import dns.query
    import dns.update

    names.zone("shop.test", "")
    update = dns.update.UpdateMessage("shop.test")
    update.add("shop.test.", 60, "TXT", "x")
    assert dns.query.tcp(update, "127.0.0.1", port=names.server.port, timeout=30).rcode() == dns.rcode.REFUSED


def test_a_silent_server_for_updates_is_no_answer(names: Names) -> None:
    given = shop(names, update=Update(server="127.0.0.1:1", key_name=KEY_NAME, key=SecretStr("c2VjcmV0")))
    with pytest.raises(CannotLook, match=r"was asked for shop\.test TXT"):
        PublishRecords().plan(given)


def test_what_was_changed_is_written_back(names: Names) -> None:
    names.zone("shop.test", "")
    given = shop(names)
    plan: Plan = PublishRecords().plan(given)
    PublishRecords().apply(given, plan)
    again = Zones(names.server.zones.folder)
    assert SPF in next(zone.to_text(relativize=False) for zone in again.served.values() if "shop" in str(zone.origin))


def test_its_drills_break_nothing_where_customers_live(names: Names) -> None:
    names.zone("shop.test", WELL)
    there = Environment(name="production", kind=Kind.PRODUCTION, systems={"mail_domain": shop(names)})
    for fault, _, _ in FAULTS:
        with pytest.raises(RefusesProduction), fault.during(there):
            pass
    with pytest.raises(Refused, match=r"No spf1 record of shop\.test is declared"):
        RemoveSpf().cause(names.domain())
