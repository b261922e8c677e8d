"""What we ask an application's database about what becomes of mails that went out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.application.days import Day, settled
from tasks.application.reactions.cohort import reacted
from tasks.application.reactions.queries import BOUNCES, COMPLAINTS, UNSUBSCRIBES, USUAL_CLICKS, USUAL_OPENS
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.mail.limits import BLOCKED_BOUNCES, HARD_BOUNCES, LEAST_FOR_COMPLAINTS, LEAST_MAILS
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count
from tasks.rates import Rate, percent

# Four weeks of 20,000 mails a day were read in 1.7 s; at seed S3's capacity they are five times as many.
WEEKS_S = 60.0

FEW_BOUNCES = Threshold(
    warn=2,
    bad=5,
    because="Owner: the team on call. Below 200 recipients bounces are counted: one is 20 % of a warm-up's five mails "
    "a day, and one in forty may be anything from 0.4 to 12.9 %.",
)
BOUNCE_WINDOW = timedelta(hours=24)

COMPLAINT_RATE = Threshold(
    warn=0.0008,
    bad=0.003,
    because="Owner: the mailbox providers. Gmail wants less than 0.1 % and never 0.3 %; Amazon SES reviews at 0.1 %.",
)
FEW_COMPLAINTS = Threshold(
    warn=1,
    bad=3,
    because="Owner: the team on call. Below 1,000 mails complaints are counted: one in 1,000 may be 0.02 to 0.56 %.",
)
COMPLAINT_WINDOW = timedelta(days=7)

UNSUBSCRIBE_RATE = Threshold(
    warn=0.005,
    bad=0.01,
    because="Owner: who writes the campaigns. Seed S3's target is below 0.5 %, its alert 1 %.",
)

OF_USUAL = Threshold(
    warn=0.6,
    bad=0.1,
    because="Owner: who writes the campaigns. In shares of the campaign's own median of four weeks: image proxies open "
    "mail by themselves, so no rate means the same to two campaigns. It is a note, and never worse than WARN.",
)
FOUR_WEEKS = timedelta(days=28)
# Of fewer days with enough mails there is no usual yet.
ENOUGH_DAYS = 7


@check
def check_bounces_by_kind(
    application: ApplicationDatabase,
    hard: Threshold = HARD_BOUNCES,
    blocked: Threshold = BLOCKED_BOUNCES,
    few: Threshold = FEW_BOUNCES,
) -> Finding:
    """Do too many mails come back?

    Of the mails of the last 24 hours, by kind: a hard bounce says that the address does not exist, a blocked one that
    the mail or its sender is not wanted; a soft one passes, and is only told. Below 200 mails bounces are counted.
    """
    now = application.now()
    row = application.rows(BOUNCES, since=now - BOUNCE_WINDOW, until=now)[0]

    rates = {kind: _of(row, kind) for kind in ("hard", "blocked", "soft") if kind in row}
    verdict = rates["hard"].judge(hard, few)
    if "blocked" in rates:
        verdict = max(verdict, rates["blocked"].judge(blocked, few))
    told = ", ".join(f"{kind} {_share(rate)}" for kind, rate in rates.items())
    mails = int(number(row["mails"]))
    counted = f"; below {LEAST_MAILS} mails {few.bad:,.0f} are bad" if mails < LEAST_MAILS else ""
    return Finding(
        verdict=verdict,
        says=f"{count(mails, 'mail')} went out in the last 24 h; came back: {told} (bad from {percent(hard.bad)} hard"
        f"{counted}).",
        value=rates["hard"].value or 0.0,
        unit="ratio",
        facts={"mails": mails, **{kind: rate.part for kind, rate in rates.items()}},
    )


@check
def check_complaints(
    application: ApplicationDatabase, complaints: Threshold = COMPLAINT_RATE, few: Threshold = FEW_COMPLAINTS
) -> Finding:
    """Do readers call our mails spam?

    Of the mails of the last seven days, those that were complained about. Below 1,000 mails complaints are counted.
    """
    now = application.now()
    rate = reacted(application, COMPLAINTS, now - COMPLAINT_WINDOW, now, LEAST_FOR_COMPLAINTS)

    bad = f"{percent(rate.part / rate.whole)}, bad from {percent(complaints.bad)}" if rate.enough else ""
    return Finding(
        verdict=rate.judge(complaints, few),
        says=f"{count(rate.part, 'complaint')} about {rate.whole:,} mails of the last 7 days "
        f"({bad or f'bad from {few.bad:,.0f} on so few'}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts={"mails": rate.whole, "complaints": rate.part},
    )


@check
def check_unsubscribes(
    application: ApplicationDatabase, unsubscribes: Threshold = UNSUBSCRIBE_RATE, time_zone: str = "UTC"
) -> Finding:
    """Do too many readers leave?

    Of the mails of one day, the last that is over for two days, those whose reader unsubscribed since, from this list
    or from all. So a quiet Sunday is not measured by Friday's readers. Judged from 200 mails up.
    """
    day = settled(application.now(), time_zone)
    rate = reacted(application, UNSUBSCRIBES, day.since, day.until)

    return Finding(
        verdict=rate.judge(unsubscribes),
        says=f"Of the mails of {day.date} unsubscribed: {rate.says('mails')} (bad from {percent(unsubscribes.bad)}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts={"day": str(day.date), "mails": rate.whole, "unsubscribed": rate.part},
    )


@check(limit=timedelta(seconds=2 * WEEKS_S))
def check_opens(application: ApplicationDatabase, usual: Threshold = OF_USUAL, time_zone: str = "UTC") -> Finding:
    """Are a campaign's mails opened much less than it is used to?

    A note, and never worse than WARN. Of the mails of the last day that is over for two days, beside the median of the
    campaign's own days in the four weeks before; days and campaigns with fewer than 200 mails are left out, and so is a
    campaign with fewer than seven such days. A mail that is opened twice is opened once, as it was sent once.
    """
    day = settled(application.now(), time_zone)
    past = _weeks(application, USUAL_OPENS, day, time_zone)
    return _beside_usual(past, {one.name: one.rate.part / one.rate.whole for one in past}, "opened", day, usual)


@check(limit=timedelta(seconds=2 * WEEKS_S))
def check_clicks(application: ApplicationDatabase, usual: Threshold = OF_USUAL, time_zone: str = "UTC") -> Finding:
    """Are links in a campaign's mails followed much less than it is used to?

    As check_opens asks, with one difference: a click is rare, of 200 mails ten are followed in one week and six in the
    next. So what the rate is at most, as far as so many mails can tell, is what is compared.
    """
    day = settled(application.now(), time_zone)
    past = _weeks(application, USUAL_CLICKS, day, time_zone)
    return _beside_usual(past, {one.name: one.rate.at_most for one in past}, "clicked", day, usual)


@dataclass(frozen=True, kw_only=True)
class _Campaign:
    """A campaign's mails of one day, and the median of the same rate over its days before."""

    name: str
    rate: Rate
    median: float


def _weeks(application: ApplicationDatabase, query: str, day: Day, time_zone: str) -> list[_Campaign]:
    """Those campaigns that have enough mails and enough days with a rate to have something usual."""
    rows = application.patient(WEEKS_S).rows(
        query, since=day.since - FOUR_WEEKS, until=day.until, day=day.date, time_zone=time_zone, least=LEAST_MAILS
    )
    return [
        _Campaign(name=_named(row), rate=_of(row, "reacted"), median=number(row["median"]))
        for row in rows
        if number(row["days"]) >= ENOUGH_DAYS and number(row["median"])
    ]


def _beside_usual(
    campaigns: Sequence[_Campaign], rates: Mapping[str, float], did: str, day: Day, usual: Threshold
) -> Finding:
    """The finding about `campaigns`, each judged by its rate among `rates`."""
    shares = {one.name: rates[one.name] / one.median for one in campaigns}
    low = sorted((one for one in campaigns if usual.judge(shares[one.name])), key=lambda one: shares[one.name])
    amount = count(len(campaigns), "campaign")
    if low:
        now = percent(low[0].rate.part / low[0].rate.whole)
        says = (
            f"{len(low)} of {amount} {did} far less than usual on {day.date}, the worst {low[0].name}: {now}, usually "
        )
        says += f"{percent(low[0].median)} (noted from {usual.warn:.0%} of that down)."
    else:
        nothing = "" if campaigns else " (nothing to judge)"
        says = f"{amount} with enough mails on {day.date}{nothing}; none {did} less than {usual.warn:.0%} of what is "
        says += "usual for it."
    return Finding(
        verdict=Verdict.WARN if low else Verdict.OK,
        says=says,
        value=min(shares.values(), default=1.0),
        unit="ratio",
        facts={"day": str(day.date), "campaigns": len(campaigns)},
        rows=[{"campaign": one.name, "mails": one.rate.whole, did: one.rate.part, "median": one.median} for one in low],
    )


def _of(row: Row, kind: str) -> Rate:
    return Rate(part=int(number(row[kind])), whole=int(number(row["mails"])), least=LEAST_MAILS)


def _share(rate: Rate) -> str:
    return f"{percent(rate.value)}" if rate.enough and rate.value is not None else f"{rate.part:,}"


def _named(row: Row) -> str:
    return f"{row.get('name') or 'campaign'} ({row['campaign']})"
