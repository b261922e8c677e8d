"""What we ask an application's database about readers who leave: of which campaign, why, and mailed how often."""

from __future__ import annotations

from datetime import timedelta

from tasks.application.reactions.by_campaign import PATIENCE_S, Reacted, judged, reacted_by_campaign
from tasks.application.reactions.checks import UNSUBSCRIBE_RATE
from tasks.application.reactions.queries import FREQUENCY, REASONS, UNSUBSCRIBES_BY_CAMPAIGN
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.mail.addresses import masked_in
from tasks.mail.limits import LEAST_MAILS
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count
from tasks.rates import Rate, percent

# Most who leave do so within hours; a rate that is bad already only grows.
LEFT_WITHIN = timedelta(hours=72)
REASONS_WITHIN = timedelta(days=7)
WEEK = timedelta(days=7)
# The lab's default is three mails a week, what a reader may choose at most is 14; a working day's mail each is meant.
CAP_A_WEEK = 5
OVER_CAP = Threshold(
    warn=0.05,
    bad=0.2,
    because="Owner: who writes the campaigns. Each campaign keeps its own pace, and whoever is in three of them gets "
    "all three. It is a note, and never worse than WARN.",
)
SHOWN = 20


def left(application: ApplicationDatabase) -> list[Reacted]:
    """Of each running campaign's mails of 72 hours, how many readers left; the worst first.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    now = application.now()
    return reacted_by_campaign(application, UNSUBSCRIBES_BY_CAMPAIGN, now - LEFT_WITHIN, now)


@check(limit=timedelta(seconds=2 * PATIENCE_S))
def check_unsubscribes_by_campaign(
    application: ApplicationDatabase, unsubscribes: Threshold = UNSUBSCRIBE_RATE
) -> Finding:
    """Do too many readers of one campaign leave?

    Of each running campaign's mails of the last 72 hours, those whose reader unsubscribed so far, from this list or
    from all; the rate is of the same mails above and below the line, and can only grow. Judged from 200 mails up.
    """
    found = left(application)

    sick = [one for one in found if one.rate.judge(unsubscribes)]
    verdict = max((one.rate.judge(unsubscribes) for one in sick), default=Verdict.OK)
    says = f"Readers of {judged([one.rate for one in found])} left within 72 h"
    if sick:
        says += f"; too many of {count(len(sick), 'campaign')}, the worst {sick[0].name}: {sick[0].rate.says('mails')}"
    return Finding(
        verdict=verdict,
        says=f"{says} (bad from {percent(unsubscribes.bad)}).",
        value=max((one.rate.value or 0.0 for one in found if one.rate.enough), default=0.0),
        unit="ratio",
        facts={"campaigns": len(found), "mails": sum(one.rate.whole for one in found)},
        rows=[{"campaign": one.name, "mails": one.rate.whole, "unsubscribed": one.rate.part} for one in sick[:SHOWN]],
    )


@check
def check_unsubscribe_reasons(application: ApplicationDatabase) -> Finding:
    """Which reasons do readers give for leaving?

    Within the last seven days, reasons that two readers gave or more: what one alone wrote may name him. It judges
    nothing; it is what the review begins with.
    """
    found = application.rows(REASONS, since=application.now() - REASONS_WITHIN)

    rows = [{**row, "reason": masked_in(str(row["reason"]))} for row in found]
    total = int(number(found[0]["total"])) if found else 0
    told = ", ".join(f"{row['reason']!r} {number(row['readers']):,.0f}" for row in rows[:3])
    return Finding(
        verdict=Verdict.OK,
        says=f"{count(total, 'reader')} left within 7 days; the most frequent reasons: {told}."
        if rows
        else "No reason for leaving was given by two readers within 7 days.",
        value=float(total),
        unit="readers",
        rows=[{"reason": row["reason"], "readers": row["readers"]} for row in rows],
    )


@check(limit=timedelta(seconds=2 * PATIENCE_S))
def check_mail_frequency(application: ApplicationDatabase, over: Threshold = OVER_CAP) -> Finding:
    """Do readers get more mails a week than they stand?

    Leads that got more than five within seven days, of all campaigns together. Judged from 200 leads up; a note, and
    never worse than WARN.
    """
    since = application.now() - WEEK
    row = application.patient(PATIENCE_S).rows(FREQUENCY, since=since, cap=CAP_A_WEEK)[0]

    rate = Rate(part=int(number(row["over"])), whole=int(number(row["leads"])), least=LEAST_MAILS)
    return Finding(
        verdict=min(rate.judge(over), Verdict.WARN),
        says=f"More than {CAP_A_WEEK} mails within 7 days got {rate.says('leads')}; the most that one got is "
        f"{number(row['most']):,.0f} (noted from {percent(over.warn)}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts={"leads": rate.whole, "over": rate.part, "most": row["most"]},
    )
