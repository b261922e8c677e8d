"""The daily figures of campaigns are not written any more, or have holes."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.analytics.backfill import BackfillFigures
from tasks.application.analytics.checks import (
    check_analytics_behind,
    check_analytics_gaps,
    check_analytics_updater,
    check_rates_unit,
)
from tasks.application.analytics.faults import LoseFigures, StopUpdater
from tasks.application.analytics.updater import RunUpdater

runbook = Runbook(
    title="Campaign figures are stale",
    problem=(
        "The daily figures of campaigns stop at some day, or have holes: whoever reads rates from them sees nothing "
        "wrong, and every alarm over them is blind for those days."
    ),
    severity=Severity.P3,
    keywords=(
        "analytics",
        "figures",
        "statistics",
        "campaign_analytics",
        "stale",
        "not updating",
        "analytics updater",
        "backfill",
        "back-fill",
        "missing days",
        "open rate",
        "dashboard empty",
    ),
    symptoms=(
        Symptom(alert="CampaignAnalyticsStale"),
        Symptom(alert="AnalyticsUpdaterStopped"),
        Symptom(heard="The dashboard shows no figures for yesterday."),
        Symptom(heard="Some campaigns have figures, others stopped days ago."),
        Symptom(heard="The Analytics Updater workflow is inactive."),
    ),
    diagnosis=(check_analytics_gaps, check_analytics_behind, check_analytics_updater, check_rates_unit),
    resolution=(
        # First: an updater that is had to run writes yesterday at most, and would only make one day less of it.
        Step(BackfillFigures(), when=check_analytics_gaps),
        Step(RunUpdater(), when=check_analytics_updater),
        Manual(
            "Find out why the updater stopped",
            when=check_analytics_updater,
            how="""\
Ask who switched it off, and when. Where it is on and due and does not run, its scheduler stands still, and others will
stand still with it: look there first. Where it runs and writes nothing, read the error of its last run; a changed
column of the mails or of the figures is the usual one.""",
        ),
    ),
    # Figures are there the moment they are written; the updater's next run is due at once.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        Watch(check_analytics_gaps, every=timedelta(hours=6)),
        Watch(check_analytics_behind, every=timedelta(hours=6)),
        Watch(check_analytics_updater, every=timedelta(hours=1)),
    ),
    related=("email/low-engagement", "health/morning"),
    drills=(
        # The lab's own updater writes all days that it missed.
        Drill(fault=StopUpdater(), noticed_by=check_analytics_updater, resolved_by=RunUpdater),
        Drill(fault=LoseFigures(), noticed_by=check_analytics_gaps, resolved_by=BackfillFigures),
    ),
)
