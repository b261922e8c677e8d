"""What we ask an application's database about its campaigns' daily figures."""

from __future__ import annotations

from datetime import timedelta

from tasks.application.analytics.queries import BEHIND, UNIT
from tasks.application.days import day_before
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count

ANALYTICS_BEHIND = Threshold(
    warn=1,
    bad=2,
    because="Owner: the team on call. Days: yesterday's figures may be on their way in the morning; with those of the "
    "day before missing as well, the updater has been off for a whole round (seed S3, issue 5).",
)
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
