"""The same as of deployments, where only Sentry is told of what was released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tasks.check import check
from tasks.logs.system import Logs
from tasks.model import Finding, Threshold, Verdict
from tasks.platform.platform import Deployment
from tasks.requests.deployed import joined
from tasks.requests.judged import FAILED, SLOWEST, errors_since, slow_since
from tasks.sentry.system import SentryApi
from tasks.sentry.told import Release


@check
def check_release_before_errors(access: Logs, sentry: SentryApi, failed: Threshold = FAILED) -> Finding:
    """Did requests begin to fail right after a release that Sentry knows of?

    For who has no platform configured that tells what was deployed. The newest release is taken for the one that
    serves: Sentry is not told when one is taken back.
    """
    sick = errors_since(access, failed)
    if not sick:
        return Finding(verdict=Verdict.OK, says="Requests do not fail more than they may; no release answers for it.")
    return joined(sick, as_deployments(sentry.releases()), "released, as Sentry has it", "errors rose")


@check
def check_release_before_slowness(access: Logs, sentry: SentryApi, slowest: Threshold = SLOWEST) -> Finding:
    """Did an endpoint become slow right after a release that Sentry knows of?

    For who has no platform configured that tells what was deployed.
    """
    sick = slow_since(access, slowest)
    if not sick:
        return Finding(verdict=Verdict.OK, says="No endpoint is slower than it may be; no release answers for it.")
    return joined(sick, as_deployments(sentry.releases()), "released, as Sentry has it", "it became slow")


def as_deployments(found: Sequence[Release]) -> list[Deployment]:
    """The newest first, which serves, as far as Sentry knows."""
    told = [Deployment(id=one.version, version=one.version, at=one.at, returnable=False) for one in found]
    return [replace(told[0], live=True), *told[1:]] if told else []
