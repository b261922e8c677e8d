"""What we ask about deployments, whoever runs the application."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from tasks.amounts import stretch
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.model import Finding, Threshold, Verdict
from tasks.platform.actions import named, shown
from tasks.platform.hosted import HostedPlatform
from tasks.platform.platform import Deployment, Platform
from tasks.status_page.checks import reported
from tasks.together import WITHIN_S, both
from tasks.website.checks import check_website_answers
from tasks.website.system import Website

FRESH = Threshold(
    warn=86_400,
    bad=3_600,
    because="Owner: the team on call. Seconds since the version that serves was put into service: what breaks within "
    "the hour after a deployment is most often its doing, what breaks within the day may be.",
)

ENDS_BY_ITSELF_S = 1.0


@check
def check_deployments(platform: Platform, fresh: Threshold = FRESH) -> Finding:
    """Does what was deployed last serve, and since when?

    Never bad by itself: a build that failed leaves the version before in service, and a roll back is somebody's
    decision. Whether the trouble began with a deployment is another question (check_fell_with_deployment).
    """
    found = platform.deployments()
    serving = [one for one in found if one.live]
    if len(serving) != 1:
        many = f"{len(serving)} versions share what is asked" if serving else "none of the newest deployments serves"
        return Finding(
            verdict=Verdict.WARN if serving else Verdict.UNKNOWN,
            says=f"{platform.address}: {many}.",
            value=float(len(serving)),
            rows=[shown(one) for one in found[:10]],
        )
    live = serving[0]
    odd = _odd(found, live)
    young = ", not an hour ago" if fresh.judge(age_s(live)) is Verdict.BAD else ""
    return Finding(
        verdict=Verdict.WARN if odd else Verdict.OK,
        says=f"{platform.address}: {named(live)} serves, deployed {_ago(live)}{young}{_by(live)}."
        + "".join(f" {one}" for one in odd),
        value=age_s(live),
        unit="s",
        facts={"live": live.id, "version": excerpt(live.version, 100), "at": live.at.isoformat(timespec="seconds")},
        rows=[shown(one) for one in found[:10]],
    )


@check
def check_fell_with_deployment(website: Website, platform: Platform, fresh: Threshold = FRESH) -> Finding:
    """Does the website fail since a deployment?

    Judged is how long the version that serves has served when the website does not answer as it should. While it
    answers, and with a version that has served for days, the deployment is not to blame.
    """
    # At once: whichever hangs, the other's time is not added to it. The website's question ends by itself, and says so.
    until = time.monotonic() + WITHIN_S + ENDS_BY_ITSELF_S
    live, answers = both(platform.live, partial(check_website_answers.fn, website), until=until)
    since = f"{named(live)}, deployed {_ago(live)}{_by(live)}"
    if answers.verdict is Verdict.OK:
        return Finding(verdict=Verdict.OK, says=f"The website answers, served by {since}.", value=age_s(live), unit="s")
    verdict = fresh.judge(age_s(live))
    blame = {
        Verdict.BAD: "the deployment fits",
        Verdict.WARN: "the deployment may have to do with it",
    }.get(verdict, "the deployment is too long ago to be the cause")
    return Finding(
        verdict=verdict,
        says=f"The website fails and is served by {since}: {blame}. {answers.says}",
        value=age_s(live),
        unit="s",
        facts={"live": live.id, "at": live.at.isoformat(timespec="seconds")},
        rows=[shown(live)],
    )


@check
def check_platform_status(platform: HostedPlatform) -> Finding:
    """Does the platform's own status page report trouble?

    It says nothing for the first minutes of most outages, and an outage of another region is none of ours.
    """
    return reported(platform.status_page)


@check
def check_platform_token(platform: HostedPlatform) -> Finding:
    """Does the platform let us look, with our token?

    That it lets us act is not tried: a deployment cannot be made for a test.
    """
    return next(platform.examine())


def age_s(one: Deployment) -> float:
    """Seconds since it was put into service."""
    return max(0.0, math.floor((datetime.now(UTC) - one.at).total_seconds()))


def _odd(found: Sequence[Deployment], live: Deployment) -> list[str]:
    newest = found[0]
    if newest.id == live.id:
        return []
    if newest.under_way:
        return [f"{named(newest)} is being built just now."]
    if newest.failed:
        return [f"What came after it, {named(newest)}, failed {_ago(newest)}: “{excerpt(newest.failed, 200)}”."]
    return [f"It is not the newest: {named(newest)} of {_ago(newest)} does not serve."]


def _by(one: Deployment) -> str:
    return f" by {excerpt(one.by, 80)}" if one.by else ""


def _ago(one: Deployment) -> str:
    return f"{stretch(age_s(one))} ago"
