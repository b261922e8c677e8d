"""After which deployment: what began to fail, or to be slow, beside what was put into service shortly before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tasks.amounts import stretch
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.logs.system import Logs
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.platform.actions import named, shown
from tasks.platform.platform import Deployment, Platform
from tasks.requests.judged import FAILED, SLOWEST, Sick, errors_since, give_or_take, slow_since
from tasks.requests.onset import Onset

# From the moment a platform gives, which may be that of its beginning, to the first request that the new version gets:
# a build and a start take minutes. What began later than that has another cause, or nobody can tell.
FITS_WITHIN = timedelta(minutes=15)
SHOWN = 5


@check
def check_deployment_before_errors(access: Logs, platform: Platform, failed: Threshold = FAILED) -> Finding:
    """Did requests begin to fail right after a deployment?

    BAD where the version that serves now was deployed at most a quarter of an hour before the moment from which on more
    requests failed, or within its bounds. One that was taken back meanwhile is told, and is no reason to go back again.
    """
    sick = errors_since(access, failed)
    if not sick:
        return _well("Requests do not fail more than they may; no deployment has to answer for it.")
    return joined(sick, platform.deployments(), f"deployed to {platform.address}", "errors rose")


@check
def check_deployment_before_slowness(access: Logs, platform: Platform, slowest: Threshold = SLOWEST) -> Finding:
    """Did an endpoint become slow right after a deployment?

    BAD where the version that serves now was deployed at most a quarter of an hour before the moment from which on more
    requests were slow, or within its bounds.
    """
    sick = slow_since(access, slowest)
    if not sick:
        return _well("No endpoint is slower than it may be; no deployment has to answer for it.")
    return joined(sick, platform.deployments(), f"deployed to {platform.address}", "it became slow")


def joined(told: Sequence[Sick], found: Sequence[Deployment], how: str, what: str) -> Finding:
    """What is sick beside what was put into service; `how` that is said, and `what` of the sick one.

    Told is the worst, or else the first of those as bad that began with what serves now: where trouble of another kind
    came shortly before, not each of them shows it.
    """
    sick = next((one for one in told if any(_fits(each, one.since) and each.live for each in found)), told[0])
    rows = [_row(one, sick.since) for one in found[:SHOWN]]
    if sick.since is None:
        return Finding.unknown(
            f"{sick.name}: since when is not seen within the last hour, so no deployment can be told to fit.",
            remedy=f"Compare by hand: {named(found[0])} was {how} last." if found else "",
        )
    began = sick.since
    fitting = [one for one in found if _fits(one, began)]
    live = next((one for one in fitting if one.live), None)
    if live is not None:
        says = f"{sick.name}: {what} at {give_or_take(began)}, {_after(live, began)} {named(live)} was {how}"
        return Finding(
            verdict=Verdict.BAD,
            says=f"{says}.",
            value=began.at_s - live.at.timestamp(),
            unit="s",
            facts={"deployment": excerpt(live.id, 100), "version": excerpt(live.version, 100), "since_s": began.at_s},
            rows=rows,
        )
    says = f"{sick.name}: {what} at {give_or_take(began)}, and nothing that serves was {how} in the "
    says += f"{stretch(FITS_WITHIN.total_seconds())} before."
    if fitting:
        says += f" {named(fitting[0])} was, and serves no more."
    return Finding(verdict=Verdict.OK, says=says, rows=rows)


def fits(at_s: float, began: Onset) -> bool:
    """Can what was put into service at `at_s` be why it began?"""
    return began.earliest_s - FITS_WITHIN.total_seconds() <= at_s <= began.latest_s


def _fits(one: Deployment, began: Onset | None) -> bool:
    served = not (one.failed or one.under_way)
    return served and began is not None and fits(one.at.timestamp(), began)


def after(at_s: float, began: Onset) -> str:
    """'2 minutes after', 'within seconds of the moment': no more than the bounds allow to say."""
    passed_s = began.at_s - at_s
    if passed_s <= began.give_or_take_s or passed_s < 1:
        return "at the moment at which"
    return f"{stretch(passed_s)} after" if passed_s >= 120 else f"{passed_s:.0f} s after"


def _after(one: Deployment, began: Onset) -> str:
    return after(one.at.timestamp(), began)


def _row(one: Deployment, began: Onset | None) -> Row:
    return {**shown(one), "fits": began is not None and fits(one.at.timestamp(), began)}


def _well(says: str) -> Finding:
    return Finding(verdict=Verdict.OK, says=says)
