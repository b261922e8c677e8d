"""The lab's logins: every question about who is in answers OK, until a drill tries passwords, and again after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab
from tasks.application.access.checks import check_account_spread
from tasks.blocking.checks import check_accounts_tried, check_attackers, check_blocks_over
from tasks.blocking.faults import GuessPasswords
from tasks.check import Check
from tasks.config import Config
from tasks.containment.checks import check_intruders
from tasks.environment import Environment
from tasks.evidence.actions import KeepEvidence
from tasks.evidence.checks import check_evidence_kept
from tasks.evidence.system import EvidenceFolder
from tasks.logs.access import check_log_accounts, check_log_guessed, check_log_limited
from tasks.logs.system import Logs
from tasks.model import Verdict
from tasks.registry import register_systems

QUESTIONS = (
    check_attackers,
    check_accounts_tried,
    check_blocks_over,
    check_account_spread,
    check_intruders,
    check_log_accounts,
    check_log_guessed,
    check_log_limited,
)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    # Another test's handful of failed logins is a warning for an hour.
    assert asked.ask(place).verdict <= Verdict.WARN


def test_passwords_that_are_tried_are_noticed_and_leave_nothing(place: Environment) -> None:
    with GuessPasswords().during(place):
        assert check_attackers.ask(place).verdict is Verdict.BAD
        assert check_accounts_tried.ask(place).verdict is Verdict.BAD
    assert check_attackers.ask(place).verdict <= Verdict.WARN


def test_its_logs_can_be_kept(place: Environment) -> None:
    logs, evidence = place.systems["logs"], place.systems["evidence"]
    assert isinstance(logs, Logs)
    assert isinstance(evidence, EvidenceFolder)
    action = KeepEvidence()
    plan = action.plan(logs, evidence)
    outcome = action.apply(logs, evidence, plan)
    assert action.applied(logs, evidence, plan) is True
    assert check_evidence_kept.ask(place).verdict is Verdict.OK
    undo = action.undoing(plan, outcome)
    assert undo is not None
    undo.apply(evidence, plan=undo.plan(evidence))
