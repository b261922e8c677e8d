"""What we ask an application's database about its campaigns' daily figures."""

from __future__ import annotations

from datetime import timedelta

from tasks.application.analytics.figures import DAYS, gaps
from tasks.application.analytics.queries import BEHIND, UNIT
from tasks.application.days import day_before
from tasks.application.scheduled import Scheduled, scheduled
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Refused, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count

ANALYTICS_BEHIND = Threshold(
    warn=1,
    bad=2,
    because="Owner: the team on call. Days: yesterday's figures may be on their way in the morning; with those of the "
    "day before missing as well, the updater has been off for a whole round (seed S3, issue 5).",
)
ANALYTICS_GAPS = Threshold(
    warn=1,
    bad=2,
    because="Owner: the team on call. Days of one campaign: a single day may be yesterday's, on its way; two are no "
    "accident, and no later run of the updater fills them (seed S3, issue 5, fills yesterday only).",
)
UPDATER_LATE = Threshold(
    warn=3600,
    bad=21_600,
    because="Owner: the team on call. Since when its next run has been due, in seconds. Figures of a day are read the "
    "morning after: six hours late, nobody has them at work.",
)
# Of many days a person looks at so many.
MOST_SHOWN = 100
# A campaign that sent nothing for so long is not waited for.
RECENT = timedelta(days=7)


@check
def check_analytics_behind(
    application: ApplicationDatabase, days: Threshold = ANALYTICS_BEHIND, time_zone: str = "UTC"
) -> Finding:
    """Are the figures of each running campaign there, up to yesterday?

    Campaign by campaign, against the list of those that run: one that is up to date hides none that is not, and one
    without any figure is missed. Only for days on which it sent mails, of the last seven.
    """
    yesterday = day_before(application.now(), time_zone)
    rows = application.rows(
        BEHIND,
        yesterday=yesterday.date,
        since=yesterday.until - RECENT,
        until=yesterday.until,
        time_zone=time_zone,
    )

    late = [row for row in rows if row["days"] is not None]
    worst = number(late[0]["days"]) if late else 0.0
    amount = count(int(number(rows[0]["running"])) if rows else 0, "running campaign")
    if late:
        first = late[0].get("name") or late[0]["campaign"]
        says = f"Of {amount} {len(late)} sent mails on days without figures, the first {first!r}, since "
        says += f"{late[0]['missing_from']}: {worst:,.0f} days (bad from {days.bad:,.0f})."
    else:
        says = f"{amount}, each with its figures up to {yesterday.date} as far as it sent mails."
    return Finding(
        verdict=days.judge(worst),
        says=says,
        value=worst,
        unit="days",
        facts={"behind": len(late)},
        rows=[{key: row[key] for key in row if key != "running"} for row in late],
    )


@check
def check_rates_unit(application: ApplicationDatabase, time_zone: str = "UTC") -> Finding:
    """Are the daily rates in the unit that they are taken for?

    Percent, or what `unit` says under analytics. In percent the greatest open rate of a week is above 1, as a fraction
    it is not; where it is otherwise, every limit is off by a hundred. Unsubscribe rates tell nothing: 0.3 may be both.
    """
    yesterday = day_before(application.now(), time_zone)
    row = application.rows(UNIT, yesterday=yesterday.date)[0]

    figures, greatest = int(number(row["figures"])), number(row["greatest"])
    unit = application.analytics.unit if application.analytics else "percent"
    doubt = bool(figures) and greatest > 0 and (greatest > 1) is not (unit == "percent")
    other = "fraction" if unit == "percent" else "percent"
    if not figures:
        said = "There is no open rate of the last 7 days (nothing to judge)."
    else:
        said = f"The greatest of {count(figures, 'open rate')} of the last 7 days is {greatest:g}, taken for {unit}"
        said += ": the unit is in doubt, every rate may be off by a hundred." if doubt else "."
    return Finding(
        verdict=Verdict.WARN if doubt else Verdict.OK,
        says=said,
        value=greatest,
        unit=unit,
        facts={"figures": figures},
        remedy=f'Look at a few rows; if they are meant so, write under analytics: unit = "{other}"' if doubt else "",
    )


@check
def check_analytics_gaps(
    application: ApplicationDatabase, days: Threshold = ANALYTICS_GAPS, time_zone: str = "UTC"
) -> Finding:
    """Is there a day of the last fortnight, of which a campaign that sent mails lacks figures?

    Holes between days that are there as well, and rows that are there with figures left empty: whoever looks at the
    newest day alone sees neither. Of the figures that are mapped and can be counted from mails and events.
    """
    zone = (application.analytics.time_zone if application.analytics else None) or time_zone
    found = gaps(application, application.now(), zone, MOST_SHOWN)

    worst = found[0].days if found else 0
    empty = sum(one.was is not None for one in found)
    more = f", {empty:,} of them with a row that lacks some" if empty else ""
    return Finding(
        verdict=days.judge(worst),
        says=f"The figures of {count(found[0].total, 'campaign day')} are missing{more}, most of {found[0].name!r}: "
        f"{count(worst, 'day')} (bad from {days.bad:,.0f})."
        if found
        else f"Each day of the last {DAYS} on which a campaign sent mails has its figures.",
        value=float(worst),
        unit="days",
        facts={"missing": found[0].total if found else 0},
        rows=[
            {"campaign": one.campaign, "name": one.name, "day": one.day, "mails": one.mails, "row": one.was is not None}
            for one in found
        ],
    )


def updater(application: ApplicationDatabase) -> Scheduled:
    """The workflow that writes the daily figures.

    Raises:
        Refused: it is not mapped, or has no row; CannotLook: no answer.
    """
    name = application.analytics.updater if application.analytics else None
    if name is None:
        raise Refused(
            "Nobody has said which workflow writes the daily figures.",
            remedy='Write in environments.toml, under analytics of the application: updater = "Analytics Updater"',
        )
    return scheduled(application, "updater", name)


@check
def check_analytics_updater(application: ApplicationDatabase, late: Threshold = UPDATER_LATE) -> Finding:
    """Is the workflow switched on that writes the daily figures, and does it run when it is due?

    By the application's own row of its workflow or cron. Whether its runs succeed is another question: what they left
    undone is asked about here.
    """
    return updater(application).judged(late)
