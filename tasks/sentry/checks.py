"""What we ask Sentry."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.sentry.system import SentryApi
from tasks.sentry.told import Issue

# In Sentry's own words. What is switched off, or waits for its first check-in, is somebody's decision.
STATUS = {
    "ok": Verdict.OK,
    "active": Verdict.OK,
    "disabled": Verdict.OK,
    "error": Verdict.WARN,
    "missed_checkin": Verdict.BAD,
    "timeout": Verdict.BAD,
}

# Sentry's own search words; in an hour, what is seen for the first time is either a deployment's or a stranger's.
NEW = "is:unresolved firstSeen:-1h"
KNOWN = "is:unresolved firstSeen:+1h lastSeen:-1h"
EVENTS_OF_NEW = Threshold(
    warn=1,
    bad=50,
    because="Owner: the team on call. Events of one issue that was never seen before, within the hour: one is looked "
    "at by day; fifty are many users, and it has only begun.",
)
TIMES_AS_MANY = Threshold(
    warn=3,
    bad=10,
    because="Owner: the team on call. Events of two hours beside the median of the day's: three times as many is a "
    "busy morning's, ten times is none.",
)
# Of fewer, chance makes ten times as many.
ENOUGH_EVENTS = 20
SHOWN = 10


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


@check
def check_sentry_new_issues(sentry: SentryApi, events: Threshold = EVENTS_OF_NEW) -> Finding:
    """Does Sentry see errors that were never seen before?

    Unresolved issues of the last hour, by the events of the one that has most. Of all projects that the token may see.
    """
    found = new_issues(sentry)
    if not found:
        return Finding(verdict=Verdict.OK, says="Sentry saw no new issue within the hour.", value=0.0)
    most = max(found, key=lambda one: one.lately)
    others = f"; {len(found) - 1} more are new" if len(found) > 1 else ""
    since = f", since {most.first_seen:%H:%M} UTC" if most.first_seen else ""
    return Finding(
        verdict=events.judge(most.lately),
        says=f"{most.short_id} is new at Sentry{since}, with {_events(most.lately)} (bad from {events.bad:g}): "
        f"“{most.title}”{_at(most)}{others}.",
        value=float(most.lately),
        rows=[one.row for one in found[:SHOWN]],
    )


@check
def check_sentry_rising_issues(sentry: SentryApi, times: Threshold = TIMES_AS_MANY) -> Finding:
    """Do errors that Sentry knows come much more often than they did?

    Events of this hour and the last one, beside twice the median hour of the day before; from twenty on. What is new is
    asked about by itself.
    """
    known = [one for one in sentry.issues(KNOWN, sort="freq") if one.lately >= ENOUGH_EVENTS]
    rises = sorted(((one.lately / max(one.usually, 1.0), one) for one in known), key=lambda pair: -pair[0])
    if not rises:
        return Finding(
            verdict=Verdict.OK,
            says=f"No known issue at Sentry had {ENOUGH_EVENTS} events in this hour and the last one.",
            value=0.0,
        )
    most, one = rises[0]
    sick = [one for rise, one in rises if times.judge(rise)]
    return Finding(
        verdict=times.judge(most),
        says=f"{one.short_id} had {_events(one.lately)} at Sentry in this hour and the last one, {most:.1f} times as "
        f"many as usual (bad from {times.bad:g}): “{one.title}”{_at(one)}.",
        value=most,
        rows=[one.row for one in sick[:SHOWN]],
    )


@check
def check_sentry_releases(sentry: SentryApi) -> Finding:
    """What was released last, and does Sentry blame it for new issues?

    With what its commits say, for of these one is to blame; which one an issue's own page suspects, the published API
    does not tell. Whether requests fail since then is another question (check_release_before_errors).
    """
    found = sentry.releases()
    if not found:
        return Finding.unknown("Sentry knows of no release: nobody tells it of them.", remedy="sentry-cli releases new")
    newest = found[0]
    commits = sentry.commits(newest.version) if newest.new_issues and newest.commits else []
    where = f" to {newest.deployed_to}" if newest.deployed_to else ""
    blamed = f"{newest.new_issues} new issues began with it" if newest.new_issues else "no new issue began with it"
    return Finding(
        verdict=Verdict.WARN if newest.new_issues else Verdict.OK,
        says=f"{newest.version} was released last{where}, {newest.at:%Y-%m-%d %H:%M} UTC; {blamed}.",
        value=float(newest.new_issues),
        facts={"commits": commits[:SHOWN]},
        rows=[one.row for one in found[:SHOWN]],
    )


def new_issues(sentry: SentryApi) -> list[Issue]:
    """Those that nobody has seen before the last hour.

    Raises:
        CannotLook, Refused: Sentry does not tell.
    """
    return sentry.issues(NEW, sort="new")


def _events(number: int) -> str:
    return f"{number:,} event{'s' if number != 1 else ''}"


def _at(one: Issue) -> str:
    return f" in {one.culprit}" if one.culprit else ""
