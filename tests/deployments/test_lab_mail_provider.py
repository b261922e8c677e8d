"""The lab's mail provider: well until a drill makes it ill, ill until something is done about it, and well again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab, provider
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.mail_provider.access.actions import PauseAtLimit, PauseInOutage, UseSpareKey
from tasks.mail_provider.access.checks import (
    check_mail_provider_answers,
    check_mail_provider_domain,
    check_mail_provider_key,
    check_mail_provider_queue,
    check_mail_provider_rate_limit,
    check_mail_provider_standing,
)
from tasks.mail_provider.access.faults import FailRequests, LimitRequests, RevokeKey
from tasks.mail_provider.addresses.actions import SuppressHardBounced
from tasks.mail_provider.addresses.checks import check_mail_provider_suppressed
from tasks.mail_provider.addresses.faults import MailDeadAddresses
from tasks.mail_provider.addresses.listed import listed
from tasks.mail_provider.mails.checks import (
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_failures,
    check_mail_provider_reasons,
)
from tasks.mail_provider.system import MailProvider
from tasks.model import Verdict
from tasks.registry import register_systems

ALL = (
    check_mail_provider_answers,
    check_mail_provider_key,
    check_mail_provider_rate_limit,
    check_mail_provider_standing,
    check_mail_provider_domain,
    check_mail_provider_queue,
    check_mail_provider_failures,
    check_mail_provider_reasons,
    check_mail_provider_bounces,
    check_mail_provider_complaints,
    check_mail_provider_suppressed,
)
DRILLS = (
    (RevokeKey(), check_mail_provider_key, UseSpareKey()),
    (LimitRequests(), check_mail_provider_rate_limit, PauseAtLimit()),
    (FailRequests(), check_mail_provider_answers, PauseInOutage()),
    (MailDeadAddresses(), check_mail_provider_bounces, SuppressHardBounced()),
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def mails(place: Environment) -> Iterator[MailProvider]:
    system = place.systems["mail_provider"]
    assert isinstance(system, MailProvider)
    yield system
    assert not system.api().is_paused()


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_its_trouble_lasts_until_something_is_done_about_it(
    place: Environment, mails: MailProvider, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    key = mails.key_now().get_secret_value()
    with fault.during(place):
        for _ in range(2):
            assert noticed_by.ask(place).verdict is Verdict.BAD
        assert action.apply(mails, plan=action.plan(mails)).complete
        for _ in range(2):
            assert noticed_by.ask(place).verdict is Verdict.OK
    assert noticed_by.ask(place).verdict is Verdict.OK
    assert mails.key_now().get_secret_value() == key
    assert listed(mails.api()).found == ()


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_a_drill_that_nobody_resolves_leaves_nothing(
    place: Environment, mails: MailProvider, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    with fault.during(place):
        assert noticed_by.ask(place).verdict is Verdict.BAD
    assert noticed_by.ask(place).verdict is Verdict.OK


def test_its_drills_break_nothing_where_customers_live(place: Environment) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    for fault, _, _ in DRILLS:
        with pytest.raises(RefusesProduction), fault.during(there):
            pass


def test_doctor_finds_it(place: Environment) -> None:
    assert {found.verdict for found in place.systems["mail_provider"].examine()} == {Verdict.OK}


def test_its_keys_are_for_nobody_else_to_read(lab: Lab) -> None:
    folder = lab.home.lab.beside("mail_provider")
    for name in (provider.KEY, provider.KEYS):
        assert (folder / name).stat().st_mode & 0o077 == 0
    keys = json.loads((folder / provider.KEYS).read_text(encoding="utf-8"))
    assert len({*keys.values()}) == 2
