"""The lab's alerts: taken and well while a stack is up; its own monitoring is refused, and believed again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.stack import Stack
from tasks.config import Config
from tasks.environment import Environment
from tasks.intake.actions import PutSenderSecret
from tasks.intake.checks import (
    check_alert_intake,
    check_alert_refusals,
    check_runbooks_reached,
    check_scheduler,
)
from tasks.intake.faults import WrongSecret
from tasks.intake.system import AlertIntake
from tasks.model import CannotLook, Verdict
from tasks.registry import register_systems


@pytest.fixture(scope="module")
def place(stack: Stack) -> Environment:
    register_systems()
    place = Config.load(Path("/nonexistent.toml"), stack.home.lab_environment).environment("lab")
    # It reads the catalog before it listens.
    until(lambda: check_alert_intake.ask(place).verdict is Verdict.OK)
    return place


@pytest.fixture
def intake(place: Environment) -> Iterator[AlertIntake]:
    system = place.systems["intake"]
    assert isinstance(system, AlertIntake)
    yield system
    until(lambda: check_alert_refusals.ask(place).verdict is Verdict.OK)


def until(true: Callable[[], bool]) -> None:
    latest = time.monotonic() + 120
    while not _seen(true):
        assert time.monotonic() < latest
        time.sleep(0.2)


def _seen(true: Callable[[], bool]) -> bool:
    try:
        return true()
    except CannotLook:
        return False


def test_it_is_well(place: Environment) -> None:
    assert check_runbooks_reached.ask(place).verdict is Verdict.OK
    # That a worker is late on a busy machine is another test's affair.
    assert check_scheduler.ask(place).says


def test_its_trouble_lasts_until_something_is_done_about_it(place: Environment, intake: AlertIntake) -> None:
    with WrongSecret().during(place):
        until(lambda: check_alert_refusals.ask(place).verdict is Verdict.BAD)
        assert check_alert_refusals.ask(place).verdict is Verdict.BAD
        assert PutSenderSecret().apply(intake, plan=PutSenderSecret().plan(intake)).complete
        until(lambda: check_alert_refusals.ask(place).verdict is Verdict.OK)


def test_a_drill_that_nobody_resolves_leaves_nothing(place: Environment, intake: AlertIntake) -> None:
    with WrongSecret().during(place):
        until(lambda: check_alert_refusals.ask(place).verdict is Verdict.BAD)
    until(lambda: check_alert_refusals.ask(place).verdict is Verdict.OK)
    assert PutSenderSecret().plan(intake).commands == ()
