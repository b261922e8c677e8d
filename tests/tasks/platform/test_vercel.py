"""Vercel: what serves is what the project says, and there is a way back only to what served before."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import platform as lab
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Refused, Verdict
from tasks.platform.actions import RollBack, ServeAgain
from tasks.platform.checks import check_deployments, check_platform_status, check_platform_token
from tasks.platform.faults import DeployBadVersion
from tasks.vercel.system import Vercel
from tests.tasks.platform.conftest import CANARY, Standing

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN


def built(standing: Standing, uid: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in standing.deployed[lab.VERCEL]["deployments"] if one["uid"] == uid)
    return found


def environment(vercel: Vercel) -> Environment:
    return Environment(name="lab", kind=Kind.LAB, systems={"platform": vercel})


def test_it_tells_what_serves_and_leaves_out_what_was_put_nowhere(vercel: Vercel) -> None:
    found = vercel.deployments()
    assert [(one.id, one.live, one.returnable, bool(one.failed)) for one in found] == [
        ("dpl_live", True, True, False),
        ("dpl_failed", False, False, True),
        ("dpl_before", False, True, False),
    ]
    assert found[0].version == "c0ffee12ab34"
    told = check_deployments.fn(vercel)
    assert told.verdict is OK
    assert told.says == "the project web at Vercel: c0ffee12ab34 serves, deployed 2 days ago by ada."
    assert check_platform_token.fn(vercel).says == "Vercel shows us web."
    assert check_platform_status.fn(vercel).verdict is OK


def test_a_build_that_failed_last_is_told_in_vercels_words(vercel: Vercel, standing: Standing) -> None:
    built(standing, "dpl_failed")["created"] = int(time.time() * 1000) - 600_000
    told = check_deployments.fn(vercel)
    assert told.verdict is WARN
    assert told.says.endswith(
        "What came after it, 77e0aa51c3f9, failed 10 minutes ago: "
        '“BUILD_FAILED: Command "npm run build" exited with 1”.'
    )


def test_a_build_under_way_is_told_and_is_no_version_that_was_taken_back(vercel: Vercel, standing: Standing) -> None:
    one = built(standing, "dpl_failed")
    one |= {"created": int(time.time() * 1000), "state": "BUILDING", "readyState": "BUILDING", "readySubstate": None}
    assert "77e0aa51c3f9 is being built just now." in check_deployments.fn(vercel).says
    assert "taken back" not in RollBack().plan(vercel).does


def test_a_rolling_release_is_two_versions_and_nothing_is_returned_from(vercel: Vercel, standing: Standing) -> None:
    built(standing, "dpl_before")["readySubstate"] = "ROLLING"
    told = check_deployments.fn(vercel)
    assert (told.verdict, told.says) == (WARN, "the project web at Vercel: 2 versions share what is asked.")
    with pytest.raises(Refused, match="2 versions serve"):
        RollBack().plan(vercel)
    assert not standing.changes


def test_it_rolls_back_exactly_to_what_was_shown_and_forward_again(vercel: Vercel, standing: Standing) -> None:
    action = RollBack()
    plan = action.plan(vercel)
    (command,) = plan.commands
    assert command.line == f"POST {vercel.url}/v1/projects/prj_lab4711/rollback/dpl_before"
    assert (command.target["from"], command.target["to"]) == ("dpl_live", "dpl_before")
    assert action.applied(vercel, plan) is False
    outcome = action.apply(vercel, plan)
    assert outcome.complete
    assert action.applied(vercel, plan) is True
    assert standing.changes == ["/vercel/v1/projects/prj_lab4711/rollback/dpl_before?teamId=team_lab"]
    assert standing.release["version"] == "4a7c1e0d9b32"
    assert "not the newest: c0ffee12ab34" in check_deployments.fn(vercel).says

    back = action.undoing(plan, outcome)
    assert isinstance(back, ServeAgain)
    again = back.plan(vercel)
    # Forward is a promotion: a roll back there would be refused by nobody, and leave the domains unassigned.
    assert again.commands[0].line.endswith("/v10/projects/prj_lab4711/promote/dpl_live")
    assert back.apply(vercel, again).complete
    assert standing.release["version"] == "c0ffee12ab34"
    # What was deployed since stays.
    assert back.plan(vercel).commands == ()


def test_it_refuses_when_somebody_deployed_since(vercel: Vercel, standing: Standing) -> None:
    plan = RollBack().plan(vercel)
    with DeployBadVersion("hangs").during(environment(vercel)):
        changes = list(standing.changes)
        with pytest.raises(Refused, match="bad02hangs serves by now"):
            RollBack().apply(vercel, plan)
        assert standing.changes == changes


def test_a_version_that_was_taken_back_is_no_way_back(vercel: Vercel) -> None:
    """B was deployed and taken back, then C came: the version before C is A, and not B, although B is newer."""
    for ill in ("slow", "hangs"):
        with DeployBadVersion(ill).during(environment(vercel)):
            live = vercel.live()
            assert live.id == lab.DRILLS[ill]
            # Built yesterday, serving for a moment: the moment counts.
            assert check_deployments.fn(vercel).value == pytest.approx(0, abs=5)
            assert RollBack().plan(vercel).commands[0].target["to"] == "dpl_live"
    assert vercel.live().id == "dpl_live"
    assert RollBack().plan(vercel).commands[0].target["to"] == "dpl_before"


def test_the_fault_tells_the_website_and_cures_what_somebody_cured(vercel: Vercel, standing: Standing) -> None:
    assert standing.release == {"version": "c0ffee12ab34", "fails": 0.0, "slow_ms": 0, "hangs": False}
    with DeployBadVersion("errors").during(environment(vercel)):
        assert standing.release["fails"] == 0.05
        assert RollBack().apply(vercel, RollBack().plan(vercel)).complete
    assert standing.release["fails"] == 0.0
    assert len(standing.changes) == 2
    assert DeployBadVersion("slow").title == "Deploy a version that is slow"
    bare = vercel.model_copy(update={"drill_versions": {}})
    with pytest.raises(Refused, match="no version that is ill in this way: slow"):
        DeployBadVersion("slow").cause(bare)


def test_nothing_before_is_said_and_nothing_done(vercel: Vercel, standing: Standing) -> None:
    there = standing.deployed[lab.VERCEL]
    there["deployments"] = [one for one in there["deployments"] if one["uid"] == "dpl_live"]
    plan = RollBack().plan(vercel)
    assert plan.commands == ()
    assert plan.does == "the project web at Vercel: no version before c0ffee12ab34 can be returned to."


@pytest.mark.parametrize(
    ("answer", "said", "verdict"),
    [
        ((403, {"error": {"code": "forbidden", "message": "Not authorized", "invalidToken": True}}), "refuses us", BAD),
        ((404, {"error": {"code": "not_found", "message": "Project not found"}}), "knows no such thing", BAD),
        ((402, {"error": {"code": "payment_required"}}), "does not do that", BAD),
        ((500, {}), "in trouble itself", UNKNOWN),
        ((429, {"error": {"code": "rate_limited"}}), "asked too often", UNKNOWN),
        ((200, []), "not as its documents say", BAD),
        ((200, {"id": "../../x"}), "not as its documents say", BAD),
    ],
)
def test_it_says_what_vercel_says(vercel: Vercel, standing: Standing, answer: Any, said: str, verdict: Verdict) -> None:
    standing.instead = answer
    with pytest.raises(CannotLook, match=said):
        vercel.deployments()
    if answer[0] != 200:
        assert check_platform_token.fn(vercel).verdict is verdict


def test_a_hostile_answer_is_read_with_distrust(vercel: Vercel, standing: Standing) -> None:
    live = built(standing, "dpl_live")
    live |= {"meta": {"githubCommitSha": "evil\x1b[31m\n" * 99}, "creator": {"username": "x" * 5000}}
    standing.deployed[lab.VERCEL]["deployments"] += [
        {**live, "uid": "../../etc"},
        {**live, "uid": None},
        {**live, "uid": "dpl_far", "created": 2**52},
        {**live, "uid": "dpl_before_time", "created": -1},
    ]
    found = vercel.deployments()
    assert {one.id for one in found} == {"dpl_live", "dpl_failed", "dpl_before"}
    told = check_deployments.fn(vercel)
    assert "\x1b" not in told.says
    assert len(told.says) < 400


def test_the_token_is_shown_nowhere(vercel: Vercel, standing: Standing, caplog: pytest.LogCaptureFixture) -> None:
    standing.instead = (403, {"error": {"code": "forbidden", "message": f"token {CANARY} is wrong"}})
    told = check_platform_token.fn(vercel)
    assert CANARY not in f"{told}{vercel!r}{vercel.model_dump()}{caplog.text}"
    assert "•••" in told.says
    wrong = vercel.model_copy(update={"token": SecretStr("other")})
    standing.instead = None
    assert check_platform_token.fn(wrong).verdict is BAD
