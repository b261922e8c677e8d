"""incident audit thin: keep hours of old measurements instead of points."""

from __future__ import annotations

from datetime import timedelta

from deployments.commands.retention import owner_url
from deployments.commands.terminal import say
from flows.run.clock import now
from tasks.measurements.thinning import HOURS_KEPT, POINTS_KEPT, Thinning


def thin(*, points: timedelta = POINTS_KEPT, hours: timedelta = HOURS_KEPT, yes: bool = False) -> int:
    """Make hours of the measurements of old months, drop hours that are older still, and make parts for a year ahead.

    Only the owner of the journal's tables may: export INCIDENT_JOURNAL_OWNER_URL. Run it once a month. Without --yes it
    only says which months would be thinned.

    Parameters
    ----------
    points
        For how long every point is kept, for example 90d; a month goes when all of it is older.
    hours
        For how long the hours are kept: lowest, average and highest.
    yes
        Thin them.
    """
    thinning = Thinning(owner_url(), points, hours)
    if not yes:
        due = thinning.due(now())
        parts = ", ".join(one.part for one in due)
        say(f"Would be thinned by --yes: {parts}." if due else "No month is old enough to be thinned.")
        return 0
    count = 0
    for one in thinning.thin(now()):
        count += 1
        say(f"{one.part}: {one.points:,} points became {one.hours:,} hours.")
    if not count:
        say("No month is old enough to be thinned.")
    return 0
