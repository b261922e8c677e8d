"""What we ask Sentry."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.check import check
from tasks.model import Finding, Verdict
from tasks.sentry.system import SentryApi

# In Sentry's own words. What is switched off, or waits for its first check-in, is somebody's decision.
STATUS = {
    "ok": Verdict.OK,
    "active": Verdict.OK,
    "disabled": Verdict.OK,
    "error": Verdict.WARN,
    "missed_checkin": Verdict.BAD,
    "timeout": Verdict.BAD,
}


@check
def check_sentry_token(sentry: SentryApi) -> Finding:
    """Does Sentry take our token, for this organization?

    By reading one issue. That it may write is not tried: whoever resolves an issue wrongly is not forgiven.
    """
    return answers(sentry.known_as)


@check
def check_sentry_monitors(sentry: SentryApi) -> Finding:
    """Do the schedules check in at Sentry that are to?

    Ours do so under [health]; others of the organization's are asked about, too, for it knows no difference.
    """
    monitors = [one for one in sentry.monitors() if not one.muted]
    verdicts = {one: STATUS.get(one.status, Verdict.UNKNOWN) for one in monitors}
    sick = [one for one in monitors if verdicts[one]]
    said = ", ".join(f"{one.name} in {one.environment}: {one.status.replace('_', ' ')}" for one in sick[:3])
    more = f" and {len(sick) - 3} more" if len(sick) > 3 else ""
    return Finding(
        verdict=max(verdicts.values(), default=Verdict.OK),
        says=f"{len(sick)} of {len(monitors)} schedules are not well at Sentry: {said}{more}."
        if sick
        else f"All {len(monitors)} schedules check in at Sentry.",
        value=float(len(sick)),
        rows=[{"monitor": one.name, "environment": one.environment, "status": one.status} for one in sick],
    )
