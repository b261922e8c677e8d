"""The lab's sending domain: every question about it answers OK, and its drills leave nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab
from runbooks.onboarding.domain_verification import runbook
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.mail_domain.checks import (
    check_declared_records,
    check_domain_blocklists,
    check_ip_blocklists,
    check_mail_exchangers,
    check_mail_name_servers,
    check_mail_transport,
    check_reverse_names,
)
from tasks.mail_domain.faults import ListAddress
from tasks.model import Verdict
from tasks.registry import register_systems

BESIDE = (
    check_mail_exchangers,
    check_reverse_names,
    check_mail_transport,
    check_ip_blocklists,
    check_domain_blocklists,
    check_mail_name_servers,
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("asked", [*runbook.diagnosis, *BESIDE], ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize("drill", runbook.drills, ids=lambda drill: type(drill.fault).__name__)
def test_its_drills_are_noticed_and_leave_nothing(place: Environment, drill: Any) -> None:
    with drill.fault.during(place):
        assert drill.noticed_by.ask(place).verdict is Verdict.BAD
    assert check_declared_records.ask(place).verdict is Verdict.OK


def test_a_listed_address_is_noticed_and_leaves_nothing(place: Environment) -> None:
    """No drill of the catalog: only the list takes an address off, and nothing of ours could resolve it."""
    fault = ListAddress()
    with fault.during(place):
        found = check_ip_blocklists.ask(place)
        assert found.verdict is Verdict.BAD
        assert "192.0.2.10 on ips.blocklist.test is listed" in found.says
    assert check_ip_blocklists.ask(place).verdict is Verdict.OK
    customers = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    with pytest.raises(RefusesProduction), fault.during(customers):
        pass


def test_doctor_finds_it(place: Environment) -> None:
    assert {found.verdict for found in place.systems["mail_domain"].examine()} == {Verdict.OK}
