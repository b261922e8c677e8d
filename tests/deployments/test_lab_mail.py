"""The lab's mail server: every question about it answers OK, until a drill makes it ill, and again after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments import private_file
from deployments.lab import Lab
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.imap.system import ImapServer
from tasks.model import Refused, Verdict
from tasks.registry import register_systems
from tasks.smtp.actions import RestartMailServer, ShowRenewedCertificate, UseSpareSmtpPassword
from tasks.smtp.arrival import check_smtp_test_message
from tasks.smtp.checks import (
    check_smtp_certificate,
    check_smtp_connect,
    check_smtp_login,
    check_smtp_sender_accepted,
    check_smtp_tls,
)
from tasks.smtp.faults import RefuseSmtpPassword, ShowExpiredCertificate, StopMailServer
from tasks.smtp.system import SmtpServer

ASKED = (
    check_smtp_connect,
    check_smtp_tls,
    check_smtp_certificate,
    check_smtp_login,
    check_smtp_sender_accepted,
    check_smtp_test_message,
)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a drill had refused a moment ago is tried again."""
    monkeypatch.setattr("tasks.smtp.stages._attempts._remembered_s", 0)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


def test_a_test_message_arrives_and_leaves_nothing(place: Environment) -> None:
    found = check_smtp_test_message.ask(place)
    assert found.verdict is Verdict.OK, found.says
    assert "from app@lab.test to probe@lab.test arrived after" in found.says
    mailbox = place.systems["test_mailbox"]
    assert isinstance(mailbox, ImapServer)
    with mailbox.mailbox() as opened:
        assert opened.search("ALL") == []


@pytest.mark.parametrize(
    ("fault", "noticed_by", "says"),
    [
        (RefuseSmtpPassword(), check_smtp_login, "refuses the login of app@lab.test: “535 5.7.8"),
        (ShowExpiredCertificate(), check_smtp_certificate, "is not believed: it expired on 20"),
    ],
)
def test_its_drills_are_noticed_and_leave_nothing(
    place: Environment, fault: Fault, noticed_by: Check[Any], says: str
) -> None:
    with fault.during(place):
        found = noticed_by.ask(place)
        assert found.verdict is Verdict.BAD, found.says
        assert says in found.says
    assert noticed_by.ask(place).verdict is Verdict.OK


def test_a_restart_is_planned_only_where_it_helps(place: Environment) -> None:
    restart, renewed = RestartMailServer(), ShowRenewedCertificate()
    given: dict[str, Any] = dict(place.supply(restart.plan))
    assert restart.plan(**given).commands == renewed.plan(**given).commands == ()
    with RefuseSmtpPassword().during(place):
        assert restart.plan(**given).commands == renewed.plan(**given).commands == ()
    with ShowExpiredCertificate().during(place):
        assert restart.plan(**given).commands == ()
        plan = renewed.plan(**given)
        assert "it expired on" in plan.does
        assert renewed.apply(**given, plan=plan).complete
        assert check_smtp_certificate.ask(place).verdict is Verdict.OK
    with StopMailServer().during(place):
        assert renewed.plan(**given).commands == ()
        plan = restart.plan(**given)
        assert restart.applied(**given, plan=plan) is False
        assert restart.apply(**given, plan=plan).complete
        assert restart.applied(**given, plan=plan)
        assert check_smtp_connect.ask(place).verdict is Verdict.OK


def test_its_spare_password_is_let_in_where_the_first_is_not(place: Environment, lab: Lab) -> None:
    smtp = place.systems["smtp"]
    assert isinstance(smtp, SmtpServer)
    before = smtp.secret()
    with RefuseSmtpPassword().during(place):
        action = UseSpareSmtpPassword()
        plan = action.plan(smtp)
        outcome = action.apply(smtp, plan)
        assert outcome.complete
        assert check_smtp_login.ask(place).verdict is Verdict.OK
        for passwords in private_file.read_json(lab.home.lab.beside("mail") / "settings.json")["passwords"].values():
            assert not [one for one in passwords if one in f"{plan} {outcome}"]
    assert smtp.secret() == before


def test_its_drills_break_nothing_where_customers_live(place: Environment) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    for fault in (RefuseSmtpPassword(), ShowExpiredCertificate(), StopMailServer()):
        with pytest.raises(RefusesProduction), fault.during(there):
            pass


def test_a_server_that_cannot_be_told_is_not_made_ill(place: Environment) -> None:
    smtp = place.systems["smtp"].model_copy(update={"drill_file": None})
    assert isinstance(smtp, SmtpServer)
    with pytest.raises(Refused, match="it has no `drill_file`"):
        RefuseSmtpPassword().cause(smtp)


def test_doctor_finds_it(place: Environment) -> None:
    for name in ("smtp", "imap", "test_mailbox", "mail_service"):
        assert {found.verdict for found in place.systems[name].examine()} == {Verdict.OK}
