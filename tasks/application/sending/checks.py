"""What we ask an application's database about its mails on their way out."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

from tasks.application.days import day_before, moment
from tasks.application.runs import last_runs
from tasks.application.sending.attempts import SEND_FAILURES, attempts
from tasks.application.sending.queries import CLAIMED, FAILURES, MINUTES, RATE_LIMITED
from tasks.application.sending.queue import QUEUE_AGE, queue
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Json, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span
from tasks.rates import percent

SEND_DELAY = Threshold(
    warn=60,
    bad=300,
    because="Owner: the team on call. Seed S3 expects a mail within a minute of its time, on a day's average; five "
    "minutes on average are what one mail may wait before its queue is looked at.",
)
NOW_S = timedelta(minutes=5)

SENDER_PACE = Threshold(
    warn=100,
    bad=50,
    because="Owner: the team on call. Mails a minute, while more wait: seed S3's target is 100. At half of it, a queue "
    "that should be gone in the 15 min after which it is critical lasts half an hour.",
)
# How far the pace is looked at, and how many whole minutes with a queue it takes to speak of one.
PACE_MINUTES = 15
ENOUGH_MINUTES = 3


@check
def check_sent_yesterday(
    application: ApplicationDatabase,
    failures: Threshold = SEND_FAILURES,
    delay: Threshold = SEND_DELAY,
    age: Threshold = QUEUE_AGE,
    time_zone: str = "UTC",
) -> Finding:
    """Did yesterday's mails go out, in time, and does none wait since?

    Yesterday is the environment's. Judged are failures of attempts (from 50 attempts up; of fewer it is WARN only if
    that many cannot be an accident), the mean delay of what went out, and the age of the oldest mail that is due now:
    mails that never were attempted fail in no rate. A day on which nothing was due is OK, and said.
    """
    day = day_before(application.now(), time_zone)
    done = attempts(application, day.since, day.until)
    waiting = queue(application)

    late = delay.judge(done.delay_s) if done.delay_s is not None else Verdict.OK
    verdict = max(done.failures.judge(failures), late, age.judge(waiting.oldest_s))
    on_time = (
        f", {span(done.delay_s)} late on average (bad from {limit(delay.bad)})" if done.delay_s is not None else ""
    )
    return Finding(
        verdict=verdict,
        says=f"On {day.date} {count(done.went_out, 'mail').lower()} went out{on_time}. Failed: "
        f"{done.failures.says('attempts')} (bad from {percent(failures.bad)}). {waiting.says(age)}",
        value=done.failures.value or 0.0,
        unit="ratio",
        facts={
            "day": str(day.date),
            "went_out": done.went_out,
            "failed": done.failed,
            "bounced": done.bounced,
            "delay_s": done.delay_s,
            "due": waiting.due,
            "oldest_s": waiting.oldest_s,
        },
        rows=_reasons(application, day.since, day.until) if done.failed else (),
    )


@check
def check_send_failures(
    application: ApplicationDatabase, failures: Threshold = SEND_FAILURES, age: Threshold = QUEUE_AGE
) -> Finding:
    """Do mails fail that are sent just now?

    Of the attempts that ended in the last five minutes, whenever they were queued; from 50 up. If none ended, the mails
    that are due decide: where none is, there was nothing to send, which is OK; where some are, nothing is sent.
    """
    now = application.now()
    done = attempts(application, now - NOW_S, now)
    waiting = queue(application)

    window = limit(NOW_S.total_seconds())
    facts: dict[str, Json] = {"failed": done.failed, "attempts": done.all, "due": waiting.due}
    if not done.all:
        return Finding(
            verdict=age.judge(waiting.oldest_s),
            says=f"Nothing was sent in the last {window}. {waiting.says(age)}",
            value=0.0,
            unit="ratio",
            facts=facts,
        )
    reasons = _reasons(application, now - NOW_S, now) if done.failed else []
    why = f", most often with “{reasons[0]['error']}”" if reasons else ""
    return Finding(
        verdict=done.failures.judge(failures),
        says=f"In the last {window} failed {done.failures.says('attempts')} (bad from {percent(failures.bad)}){why}.",
        value=done.failures.value,
        unit="ratio",
        facts=facts,
        rows=reasons,
    )


@check
def check_stuck_sends(application: ApplicationDatabase, age: Threshold = QUEUE_AGE) -> Finding:
    """Do mails wait that should have gone out?

    Judged is how long the oldest has been due, and how long a sender has held the oldest that it took; how many they
    are is only said. Mails that failed explain nothing here: what is told is whether the sender still succeeds, and
    whether the provider held it back. Mails of campaigns that do not run wait on purpose.
    """
    waiting = queue(application)
    held = application.rows(CLAIMED)[0] if application.knows(CLAIMED) else {}

    held_s = number(held.get("oldest_s"))
    facts: dict[str, Json] = {
        "due": waiting.due,
        "oldest_s": waiting.oldest_s,
        "claimed": held.get("claimed"),
        "claimed_oldest_s": held.get("oldest_s"),
    }
    verdict = max(age.judge(waiting.oldest_s), age.judge(held_s))
    taken = f" {count(int(number(held.get('claimed'))), 'mail')} taken by a sender, the oldest for {span(held_s)}."
    why = _why(application, facts) if verdict else ""
    return Finding(
        verdict=verdict,
        says=f"{waiting.says(age)}{taken if age.judge(held_s) else ''}{why}",
        value=max(waiting.oldest_s, held_s),
        unit="s",
        facts=facts,
    )


@check
def check_sender_pace(application: ApplicationDatabase, pace: Threshold = SENDER_PACE) -> Finding:
    """Does the sender send as many mails a minute as it should, while mails wait?

    The median of the whole minutes since the oldest mail that waits became due, a quarter of an hour at most; idle
    minutes among them count as none sent. Where no more waits than it sends in a minute, its pace is whatever there was
    to send.
    """
    minutes = application.rows(MINUTES, minutes=PACE_MINUTES)
    waiting = queue(application)

    behind = [number(row["mails"]) for row in minutes if waiting.oldest and moment(row["minute"]) >= waiting.oldest]
    busiest = max(number(row["mails"]) for row in minutes)
    verdict, value = Verdict.OK, busiest
    if waiting.due <= pace.warn:
        says = f"{waiting.says(QUEUE_AGE)} At most {busiest:,.0f} mails a minute went out in the last {PACE_MINUTES}."
    elif len(behind) < ENOUGH_MINUTES:
        says = f"{waiting.says(QUEUE_AGE)} Too early to judge the pace: {ENOUGH_MINUTES} whole minutes tell it."
    else:
        value = statistics.median(behind)
        verdict = pace.judge(value)
        says = (
            f"{waiting.due:,} mails wait; the sender sends {value:,.0f} a minute, the median of {len(behind)} whole "
            f"minutes with a queue (bad from {pace.bad:,.0f} down)."
        )
    return Finding(
        verdict=verdict,
        says=says,
        value=value,
        unit="mails/min",
        facts={"due": waiting.due, "minutes": [number(row["mails"]) for row in minutes]},
    )


def _reasons(application: ApplicationDatabase, since: datetime, until: datetime) -> list[Row]:
    return application.rows(FAILURES, since=since, until=until) if application.knows(FAILURES) else []


def _why(application: ApplicationDatabase, facts: dict[str, Json]) -> str:
    """Does the sender still succeed, and did the provider hold it back? As far as it is mapped."""
    said = ""
    sender = application.executions.sender if application.executions else None
    if sender:
        run = last_runs(application, [sender])[0]
        facts |= {"sender": sender, "sender_success": run["last_success"], "sender_failed_last": run["last_failed"]}
        since = f"{span(number(run['silent_s']))} ago" if run["last_success"] else "not in sight"
        said += f" The last success of {sender!r} is {since}."
    if application.knows(RATE_LIMITED):
        held = int(number(application.rows(RATE_LIMITED)[0]["mails"]))
        facts["rate_limited"] = held
        said += f" The provider held back {count(held, 'attempt').lower()} in the last hour."
    return said
