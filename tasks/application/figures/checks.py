"""The seven figures by which a team that nurtures leads by mail reads its day, each with its own limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from tasks.application.days import Day, day_before, settled
from tasks.application.reactions.checks import FEW_BOUNCES, UNSUBSCRIBE_RATE
from tasks.application.reactions.cohort import reacted
from tasks.application.reactions.queries import BOUNCES, CLICKS, OPENS, UNSUBSCRIBES
from tasks.application.sending.attempts import attempts
from tasks.application.system import ApplicationDatabase
from tasks.application.workflows.queries import SUCCESS
from tasks.check import check
from tasks.mail.limits import HARD_BOUNCES, LEAST_MAILS
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.rates import Rate, percent

# Seven figures, a question each.
FIGURES_TAKE = timedelta(minutes=2)
# Of fewer runs one that fails is more than the percent that is aimed at.
LEAST_RUNS = 100

DELIVERY = Threshold(warn=0.95, bad=0.90, because="Owner: the team on call. Seed S3's target is 95 %, its alert 90 %.")
OPEN_RATE = Threshold(
    warn=0.30,
    bad=0.20,
    because="Owner: who writes the campaigns. Seed S3's target is 30 %, its alert 20 %; a note, and never worse than "
    "WARN, because image proxies open mail by themselves. check_opens compares with the campaign's own past.",
)
CLICK_RATE = Threshold(
    warn=0.05,
    bad=0.02,
    because="Owner: who writes the campaigns. Seed S3's target is 5 %, its alert 2 %; a note, and never worse than "
    "WARN: nobody is harmed by a dull mail, and a person must rewrite it.",
)
SCHEDULER_SUCCESS = Threshold(
    warn=0.99, bad=0.95, because="Owner: the team on call. Seed S3's target is 99 %, its alert 95 %."
)
SENDER_SUCCESS = Threshold(
    warn=0.98,
    bad=0.95,
    because="Owner: the team on call. Seed S3's target is 98 %, its alert 95 %. Of the workflow's runs; failures of "
    "single mails are judged from 1 % by check_sent_yesterday.",
)


@dataclass(frozen=True)
class _Figure:
    """One row: what is asked, and its limits. A note is never worse than WARN."""

    name: str
    limits: Threshold
    asked: Callable[[], Rate]
    few: Threshold | None = None
    noun: str = "mails"
    note: bool = False

    def told(self) -> _Told:
        """The answer; where there is none, why."""
        try:
            rate = self.asked()
        except CannotLook as error:
            return _Told(
                self.name, Verdict.UNKNOWN, f"{self.name}: {error.says.rstrip('.')}", None, self.limits, error.remedy
            )
        verdict = rate.judge(self.limits, self.few)
        side = " down" if self.limits.bad < self.limits.warn else ""
        worse = f"{'noted' if self.note else 'bad'} from {percent(self.limits.bad)}{side}"
        says = f"{self.name} {rate.says(self.noun)} ({worse})"
        return _Told(self.name, min(verdict, Verdict.WARN) if self.note else verdict, says, rate, self.limits)


@dataclass(frozen=True)
class _Told:
    """What became of one figure."""

    name: str
    verdict: Verdict
    says: str
    rate: Rate | None
    limits: Threshold
    remedy: str = ""

    @property
    def row(self) -> Row:
        return {
            "figure": self.name,
            "verdict": self.verdict.name,
            "value": self.rate.value if self.rate else None,
            "of": self.rate.whole if self.rate else None,
            "target": self.limits.warn,
            "alert": self.limits.bad,
        }


@check(limit=FIGURES_TAKE)
def check_key_figures(
    application: ApplicationDatabase,
    delivery: Threshold = DELIVERY,
    opens: Threshold = OPEN_RATE,
    clicks: Threshold = CLICK_RATE,
    unsubscribes: Threshold = UNSUBSCRIBE_RATE,
    bounces: Threshold = HARD_BOUNCES,
    scheduler: Threshold = SCHEDULER_SUCCESS,
    sender: Threshold = SENDER_SUCCESS,
    time_zone: str = "UTC",
) -> Finding:
    """Are the seven key figures where they should be?

    Delivered, bounced (hard), and the runs of scheduler and sender: of yesterday. Opened, clicked and unsubscribed: of
    the mails of the last day that is over for two days. A figure that cannot be had is UNKNOWN and hides no other. Each
    is kept under its name in the facts; the value is how many are off target.
    """
    now = application.now()
    yesterday, over = day_before(now, time_zone), settled(now, time_zone)
    figures = [
        _Figure("Delivered", delivery, partial(_delivered, application, yesterday), noun="attempts"),
        _Figure("Opened", opens, partial(_reacted, application, over, OPENS), note=True),
        _Figure("Clicked", clicks, partial(_reacted, application, over, CLICKS), note=True),
        _Figure("Unsubscribed", unsubscribes, partial(_reacted, application, over, UNSUBSCRIBES)),
        _Figure("Bounced hard", bounces, partial(_bounced, application, yesterday), few=FEW_BOUNCES),
        _Figure("Scheduler succeeded", scheduler, partial(_ran_well, application, yesterday, "scheduler"), noun="runs"),
        _Figure("Sender succeeded", sender, partial(_ran_well, application, yesterday, "sender"), noun="runs"),
    ]

    told = [figure.told() for figure in figures]
    off = sorted((one for one in told if one.verdict), key=lambda one: -one.verdict)
    return Finding(
        verdict=max(one.verdict for one in told),
        says=f"{len(off)} of {len(told)} key figures off target or unknown: {'; '.join(one.says for one in off)}."
        if off
        else f"All {len(told)} key figures are on target: {'; '.join(one.says for one in told)}.",
        value=float(len(off)),
        unit="figures",
        facts={one.name: one.rate.value if one.rate else None for one in told},
        rows=[one.row for one in told],
        remedy=next((one.remedy for one in off if one.remedy), ""),
    )


def _delivered(application: ApplicationDatabase, day: Day) -> Rate:
    """Of what was attempted, what went out and did not come back."""
    done = attempts(application, day.since, day.until)
    if done.bounced is None:
        raise Refused(
            "Nobody has said which column tells that a mail came back.",
            remedy='Write in environments.toml, under sends:\n\nbounce_type = "…"  # what kind of bounce came back',
        )
    return done.delivered


def _reacted(application: ApplicationDatabase, day: Day, query: str) -> Rate:
    return reacted(application, query, day.since, day.until)


def _bounced(application: ApplicationDatabase, day: Day) -> Rate:
    row = application.rows(BOUNCES, since=day.since, until=day.until)[0]
    return Rate(part=int(number(row["hard"])), whole=int(number(row["mails"])), least=LEAST_MAILS)


def _ran_well(application: ApplicationDatabase, day: Day, which: str) -> Rate:
    """Of the runs of the workflow that plays this part, those that succeeded."""
    workflow = getattr(application.executions, which) if application.executions else None
    if workflow is None:
        raise Refused(
            f"Nobody has said which workflow is the {which}.",
            remedy=f'Write in environments.toml, under executions:\n\n{which} = "…"  # its name, as in the rows',
        )
    row = application.rows(SUCCESS, workflow=workflow, since=day.since, until=day.until)[0]
    return Rate(part=int(number(row["good"])), whole=int(number(row["runs"])), least=LEAST_RUNS)
