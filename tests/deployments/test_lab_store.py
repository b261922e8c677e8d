"""The lab's object storage: a key that is known no more and a forgotten upload are seen and mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments.lab import Lab
from tasks.action import Action
from tasks.bucket_copy.actions import CopyMissingObjects
from tasks.bucket_copy.checks import check_differing_objects, check_uncopied_objects
from tasks.bucket_copy.faults import LeaveUncopied
from tasks.check import Check
from tasks.config import Config
from tasks.environment import Environment
from tasks.fault import Fault
from tasks.model import Verdict
from tasks.registry import register_systems
from tasks.storage import checks
from tasks.storage.actions import EndUnfinishedUploads, UseSpareStorageKey
from tasks.storage.faults import LeaveUploadUnfinished, RevokeStorageKey
from tests.deployments.processes import wait_until

ASKED = [asked for name, asked in vars(checks).items() if name.startswith("check_")]
ASKED += [check_uncopied_objects, check_differing_objects]


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_it_is_well(place: Environment, asked: Check[Any]) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize(
    ("fault", "asked", "action"),
    [
        (RevokeStorageKey(), checks.check_storage_answers, UseSpareStorageKey()),
        (LeaveUploadUnfinished(), checks.check_storage_uploads, EndUnfinishedUploads()),
        (LeaveUncopied(), check_uncopied_objects, CopyMissingObjects()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_it_mends_what_a_drill_breaks(place: Environment, fault: Fault, asked: Check[...], action: Action) -> None:
    systems, limits = place.supply(action.plan), place.limits(asked.name, action.plan)
    with fault.during(place):
        wait_until(lambda: asked.ask(place).verdict is Verdict.BAD, "it is seen")
        plan = action.plan(**systems, **limits)
        assert len(plan.commands) == 1
        assert action.apply(**systems, plan=plan).complete
        assert asked.ask(place).verdict is Verdict.OK
    assert asked.ask(place).verdict is Verdict.OK
    assert not action.plan(**systems, **limits).commands
