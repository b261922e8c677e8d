"""Workers at Cloudflare: a roll back is a deployment of an older version, and two versions at once are left alone."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import platform as lab
from tasks.cloudflare.checks import check_worker_errors
from tasks.cloudflare.system import CloudflareWorker
from tasks.model import CannotLook, Refused, Verdict
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_deployments, check_platform_token
from tests.tasks.platform.conftest import CANARY, Standing

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN
ONE, TWO = lab.VERSIONS[1], lab.VERSIONS[2]
THREE = "33333333-cccc-4000-8000-000000000003"


def deploy(standing: Standing, *shares: tuple[str, int]) -> None:
    """Somebody deploys, in a moment of its own: an hour after the last one."""
    there = standing.deployed[lab.CLOUDFLARE]
    for uid, _ in shares:
        there["versions"].setdefault(uid, len(there["versions"]) + 1)
    at_ms = int(there.setdefault("clock", 1_790_000_000_000)) + 3_600_000
    there["clock"] = at_ms
    there["deployments"].insert(0, lab._deployment(list(shares), at_ms))


def anew(standing: Standing, *one_after_another: str) -> None:
    standing.deployed[lab.CLOUDFLARE]["deployments"] = []
    for version in one_after_another:
        deploy(standing, (version, 100))


def test_its_addresses_are_cloudflares_own() -> None:
    one = CloudflareWorker(token=SecretStr("t"), account="a", script="s")
    assert (one.url, one.status_url) == ("https://api.cloudflare.com/client/v4", "https://www.cloudflarestatus.com")


def test_it_tells_what_serves(worker: CloudflareWorker) -> None:
    told = check_deployments.fn(worker)
    assert told.verdict is OK
    assert told.says == "the Worker worker at Cloudflare: 22222222 serves, deployed 3 days ago by ada@example.com."
    assert check_platform_token.fn(worker).says == "Cloudflare calls our token active."


def test_it_rolls_back_by_deploying_the_older_version_and_forward_again(
    worker: CloudflareWorker, standing: Standing
) -> None:
    action = RollBack()
    plan = action.plan(worker)
    assert plan.commands[0].target["to"] == ONE
    assert plan.commands[0].line.startswith("POST http")
    assert ONE in plan.commands[0].line
    outcome = action.apply(worker, plan)
    assert outcome.complete
    assert action.applied(worker, plan) is True
    made = standing.deployed[lab.CLOUDFLARE]["deployments"][0]
    assert made["versions"] == [{"version_id": ONE, "percentage": 100}]
    # Without force: what Cloudflare would rather not do, a person decides.
    assert [one for one in standing.changes if "force" in one] == []
    assert "11111111 “by Incident Pipelines” serves" in check_deployments.fn(worker).says
    # What was taken back is no way back, and nothing older is left.
    assert RollBack().plan(worker).commands == ()
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(worker, back.plan(worker)).complete
    assert worker.live().id == TWO


@pytest.mark.parametrize(
    ("served", "back_to"),
    [
        ((ONE, TWO), ONE),
        ((ONE, TWO, THREE), TWO),
        # Two was taken back, then three came: the version before is one.
        ((ONE, TWO, ONE, THREE), ONE),
        ((ONE, TWO, ONE), None),
        # Two was taken back and came again, for good.
        ((ONE, TWO, ONE, TWO, THREE), TWO),
        # One's first deployment is out of reach: that it is older, its number tells.
        ((TWO, ONE), None),
        ((TWO, ONE, THREE), ONE),
        # A secret's change deploys the same version once more.
        ((ONE, TWO, TWO), ONE),
    ],
)
def test_it_finds_what_served_before(
    worker: CloudflareWorker, standing: Standing, served: tuple[str, ...], back_to: str | None
) -> None:
    anew(standing, *served)
    targets = [command.target["to"] for command in RollBack().plan(worker).commands]
    assert targets == ([back_to] if back_to else [])


def test_a_gradual_deployment_is_left_alone(worker: CloudflareWorker, standing: Standing) -> None:
    plan = RollBack().plan(worker)
    anew(standing, ONE)
    deploy(standing, (TWO, 10), (ONE, 90))
    told = check_deployments.fn(worker)
    assert (told.verdict, "2 versions share what is asked" in told.says) == (WARN, True)
    with pytest.raises(Refused, match="2 versions serve"):
        RollBack().plan(worker)
    # One that began since it was planned, too.
    with pytest.raises(CannotLook, match="2 of the newest deployments serve"):
        RollBack().apply(worker, plan)
    assert not standing.changes


def test_a_share_of_the_requests_was_never_a_version_before(worker: CloudflareWorker, standing: Standing) -> None:
    anew(standing, ONE)
    deploy(standing, (TWO, 10), (ONE, 90))
    deploy(standing, (THREE, 100))
    assert RollBack().plan(worker).commands[0].target["to"] == ONE


def test_it_refuses_when_somebody_deployed_since(worker: CloudflareWorker, standing: Standing) -> None:
    plan = RollBack().plan(worker)
    deploy(standing, (THREE, 100))
    with pytest.raises(Refused, match="33333333 serves by now"):
        RollBack().apply(worker, plan)
    assert not standing.changes


@pytest.mark.parametrize(
    ("groups", "verdict", "says"),
    [
        ([(2000, 0, "success")], OK, "worker failed in 0% of 2,000 invocations within 15 minutes (bad from 5.00%)."),
        ([(990, 0, "success"), (10, 10, "scriptThrewException")], WARN, "as scriptThrewException (10)."),
        ([(950, 0, "success"), (50, 50, "exceededCpu")], BAD, "5.00% of 1,000"),
        ([(19, 0, "success"), (1, 1, "exceededCpu")], OK, "too few to judge: 100 are needed"),
        ([(20, 20, "scriptThrewException")], WARN, "too few to judge"),
    ],
)
def test_it_judges_how_invocations_end(
    worker: CloudflareWorker, standing: Standing, groups: list[tuple[int, int, str]], verdict: Verdict, says: str
) -> None:
    standing.deployed[lab.CLOUDFLARE]["invocations"] = [
        {"sum": {"requests": n, "errors": bad}, "quantiles": {"cpuTimeP99": 5.0}, "dimensions": {"status": status}}
        for n, bad, status in groups
    ]
    told = check_worker_errors.fn(worker)
    assert told.verdict is verdict
    assert says in told.says


def test_no_request_at_all_is_not_health(worker: CloudflareWorker, standing: Standing) -> None:
    standing.deployed[lab.CLOUDFLARE]["invocations"] = []
    assert check_worker_errors.fn(worker).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"data": None, "errors": [{"message": "not authorized for that account"}]}), "not authorized for that"),
        ((200, {"data": {"viewer": {"accounts": []}}, "errors": None}), "tells of 0 accounts"),
        ((200, {"data": {"viewer": {"accounts": [{}]}}}), "invocations are no list"),
        (
            (200, {"data": {"viewer": {"accounts": [{"workersInvocationsAdaptive": [{"sum": {}}]}]}}}),
            "has no number of requests",
        ),
    ],
)
def test_graphql_says_no_with_a_200(worker: CloudflareWorker, standing: Standing, answer: Any, said: str) -> None:
    standing.instead = answer
    with pytest.raises(Refused, match=said):
        check_worker_errors.fn(worker)


@pytest.mark.parametrize(
    ("answer", "said", "refused"),
    [
        ((401, {"success": False, "errors": [{"code": 1000, "message": "Invalid API Token"}]}), "refuses us", True),
        ((400, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}), "refuses us", True),
        ((404, {"success": False, "errors": [{"code": 10007, "message": "no such"}]}), "no such thing", True),
        ((200, {"success": False, "errors": [{"code": 7, "message": "no"}]}), "does not do that", True),
        ((200, {"deployments": []}), "nothing says that it succeeded", True),
        ((200, {"success": True, "result": {}}), "deployments are no list", True),
        ((200, {"success": True, "result": {"deployments": [{"versions": [{}]}]}}), "does not tell its versions", True),
        ((500, "<html>"), "in trouble itself", False),
        ((429, {"success": False, "errors": [{"code": 971}]}), "asked too often", False),
    ],
)
def test_it_says_what_cloudflare_says(
    worker: CloudflareWorker, standing: Standing, answer: Any, said: str, refused: bool
) -> None:
    standing.instead = answer
    with pytest.raises(CannotLook, match=said) as raised:
        worker.deployments()
    assert isinstance(raised.value, Refused) is refused


def test_a_token_that_ended_is_told_and_shown_nowhere(worker: CloudflareWorker, standing: Standing) -> None:
    standing.instead = (200, {"success": True, "result": {"status": "expired", "id": CANARY}})
    told = check_platform_token.fn(worker)
    assert (told.verdict, told.says) == (BAD, "Cloudflare calls our token expired.")
    standing.instead = (401, {"success": False, "errors": [{"code": 1000, "message": f"Bad {CANARY}"}]})
    told = check_platform_token.fn(worker)
    assert told.verdict is BAD
    assert CANARY not in f"{told}{worker!r}"
    # Its user's tokens and the account's are known at different addresses.
    assert [target for _, target in standing.asked if "verify" in target][-2:] == [
        "/cloudflare/user/tokens/verify",
        "/cloudflare/accounts/acc4711/tokens/verify",
    ]
