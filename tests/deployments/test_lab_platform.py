"""The lab's platform: what is deployed there is what its website does."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.lab import Lab
from tasks.config import Config
from tasks.environment import Environment
from tasks.model import Verdict
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_deployments, check_fell_with_deployment, check_platform_status
from tasks.platform.faults import DeployBadVersion
from tasks.platform.platform import Platform
from tasks.registry import register_systems
from tasks.website.checks import check_website_answers


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


def test_it_is_well_until_a_version_that_hangs_is_deployed_and_well_after_the_roll_back(place: Environment) -> None:
    for asked in (check_website_answers, check_deployments, check_fell_with_deployment, check_platform_status):
        assert asked.ask(place).verdict is Verdict.OK
    platform = place.systems["platform"]
    assert isinstance(platform, Platform)
    with DeployBadVersion("hangs").during(place):
        told = check_fell_with_deployment.ask(place)
        assert told.verdict is Verdict.BAD
        assert "the deployment fits" in told.says
        assert RollBack().apply(platform, RollBack().plan(platform)).complete
        assert check_fell_with_deployment.ask(place).verdict is Verdict.OK
    assert check_website_answers.ask(place).verdict is Verdict.OK
