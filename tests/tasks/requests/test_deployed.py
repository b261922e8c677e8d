"""Which deployment fits: the one that serves, and was put into service right before it began; never another one."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tasks.model import Verdict
from tasks.platform.platform import Deployment, Platform
from tasks.requests.deployed import check_deployment_before_errors, check_deployment_before_slowness
from tests.tasks.requests.writing import access, hour


class Pretend(Platform):
    """Holds what it is given."""

    kind: ClassVar[str] = "pretend_for_requests"
    config_lines: ClassVar[str] = ""
    found: tuple[Deployment, ...] = ()

    @property
    def address(self) -> str:
        return "web"

    def deployments(self) -> tuple[Deployment, ...]:
        return self.found

    def line(self, deployment_id: str) -> str:
        return deployment_id

    def serve(self, deployment_id: str) -> None:
        raise AssertionError(deployment_id)


def ago(seconds: float, *, live: bool = True, failed: str = "", version: str = "v2") -> Deployment:
    at = datetime.fromtimestamp(time.time() - seconds, UTC)
    return Deployment(id=f"dpl_{version}", version=version, at=at, live=live, failed=failed)


BEGAN_S = 600.0


@pytest.mark.parametrize(
    ("before_s", "how", "verdict"),
    [
        (60, {}, Verdict.BAD),
        (860, {}, Verdict.BAD),
        (0, {}, Verdict.BAD),
        # Longer before than a build takes, and after it had begun.
        (960, {}, Verdict.OK),
        (-60, {}, Verdict.OK),
        (60, {"live": False}, Verdict.OK),
        (60, {"failed": "the build broke"}, Verdict.OK),
    ],
)
def test_it_takes_the_one_that_serves_and_came_right_before(
    tmp_path: Path, before_s: float, how: dict[str, Any], verdict: Verdict
) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, bad_since_s=BEGAN_S))
    platform = Pretend(found=(ago(BEGAN_S + before_s, **how),))
    assert check_deployment_before_errors.fn(logs, platform).verdict is verdict


def test_it_says_since_when_and_after_what(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, bad_since_s=BEGAN_S))
    platform = Pretend(found=(ago(BEGAN_S + 180), ago(90_000, live=False, version="v1")))
    found = check_deployment_before_errors.fn(logs, platform)
    assert re.fullmatch(
        r"GET /orders/:id of api: errors rose at \d\d:\d\d:\d\d UTC ± \d+ s, 3 minutes after v2 was deployed to web\.",
        found.says,
    ), found.says
    assert [row["fits"] for row in found.rows] == [True, False]


def test_it_fits_slowness_as_well(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, bad_since_s=BEGAN_S, share=0.4, slow_ms=3000))
    platform = Pretend(found=(ago(BEGAN_S + 60),))
    assert check_deployment_before_slowness.fn(logs, platform).verdict is Verdict.BAD
    assert check_deployment_before_errors.fn(logs, platform).verdict is Verdict.OK


def test_nothing_to_explain_is_well_whatever_was_deployed(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, share=0))
    for asked in (check_deployment_before_errors, check_deployment_before_slowness):
        assert asked.fn(logs, Pretend(found=(ago(60),))).verdict is Verdict.OK


def test_what_was_always_so_is_blamed_on_no_deployment(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, bad_since_s=4000))
    found = check_deployment_before_errors.fn(logs, Pretend(found=(ago(1000),)))
    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "Compare by hand: v2 was deployed to web last."


@pytest.mark.parametrize(("share", "verdict"), [(0.25, Verdict.BAD), (0.02, Verdict.OK)])
def test_it_looks_at_what_is_as_bad_where_the_worst_was_ill_before(
    tmp_path: Path, share: float, verdict: Verdict
) -> None:
    before = hour(rate=2, bad_since_s=3 * BEGAN_S, share=0.4)
    since = hour(rate=2, bad_since_s=BEGAN_S, share=share, path="/products")
    found = check_deployment_before_errors.fn(
        access(tmp_path / "a.log", sorted(before + since)), Pretend(found=(ago(BEGAN_S + 60),))
    )
    assert found.verdict is verdict
    assert found.says.startswith("GET /products of api" if verdict is Verdict.BAD else "GET /orders/:id of api")


def test_the_one_that_was_taken_back_is_told(tmp_path: Path) -> None:
    logs = access(tmp_path / "a.log", hour(rate=2, bad_since_s=BEGAN_S))
    platform = Pretend(found=(ago(30, version="v3"), ago(BEGAN_S + 60, live=False)))
    found = check_deployment_before_errors.fn(logs, platform)
    assert found.verdict is Verdict.OK
    assert found.says.endswith("v2 was, and serves no more.")
