"""The lab's calendar vendors: well until a drill makes them ill, ill until something is done about it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab, calendar
from tasks.calendar.actions import UseRegisteredRedirect, UseSpareSecret
from tasks.calendar.checks import (
    check_calendar_api,
    check_calendar_client,
    check_calendar_discovery,
    check_calendar_redirect,
    check_calendar_secret_ends,
)
from tasks.calendar.faults import RefuseClient, SendOtherRedirect
from tasks.calendar.system import Calendar
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment
from tasks.fault import Fault
from tasks.model import Verdict
from tasks.registry import register_systems

ALL = (
    check_calendar_discovery,
    check_calendar_client,
    check_calendar_redirect,
    check_calendar_api,
    check_calendar_secret_ends,
)
DRILLS = (
    (RefuseClient(), check_calendar_client, UseSpareSecret()),
    (SendOtherRedirect(), check_calendar_redirect, UseRegisteredRedirect()),
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(("fault", "noticed_by", "action"), DRILLS, ids=lambda one: type(one).__name__)
def test_its_trouble_lasts_until_something_is_done_about_it(
    place: Environment, fault: Fault, noticed_by: Check[Any], action: Any
) -> None:
    door = place.systems["calendar"]
    assert isinstance(door, Calendar)
    with fault.during(place):
        for _ in range(2):
            assert noticed_by.ask(place).verdict is Verdict.BAD
        assert action.apply(door, plan=action.plan(door)).complete
        assert noticed_by.ask(place).verdict is Verdict.OK
    assert noticed_by.ask(place).verdict is Verdict.OK


def test_its_secrets_are_for_nobody_else_to_read(lab: Lab) -> None:
    folder = lab.home.lab.beside("calendar")
    for name in (calendar.SECRET, calendar.CLIENTS):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
