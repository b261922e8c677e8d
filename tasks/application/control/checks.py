"""What we ask an application's database about what lets its mails go out, and stops them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.application.control.queries import SENT_SINCE, WRONG_RECIPIENTS
from tasks.application.control.settings import Setting, emergency_stop
from tasks.application.sending.queries import RATE_LIMITED
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count, limit

# A mail that a sender had handed over when the stop was set is written down as sent a moment later.
IN_FLIGHT = timedelta(seconds=10)
# Of what went out before nobody is asked any more.
LATELY = timedelta(hours=1)

SENT_AFTER_STOP = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: whoever set the stop. Mails that went out later than ten seconds after it: what had been handed "
    "over by then is told, and one more means that some sender does not read the switch.",
)
WRONG_RECIPIENTS_LIMIT = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. Mails to leads that are not enrolled in the campaign: one may be a lead that was "
    "taken out between the queue and the mail, ten are a list that was mixed up. Nobody can call a mail back.",
)
HELD_BACK = Threshold(
    warn=1,
    bad=20,
    because="Owner: the team on call. Attempts in an hour: one in passing is what a limit is for, twenty are a sender "
    "that does not heed it. Both of the seed's documents move the limit by guess; the provider's answer decides.",
)


@check
def check_emergency_stop(application: ApplicationDatabase) -> Finding:
    """Is the emergency stop off?

    Who set it, when and why is told as the application keeps it: it may be on for a good reason.
    """
    now, stop = application.now(), emergency_stop(application)
    said = f"The emergency stop is {'on' if stop.stops else 'off'}"
    return Finding(
        verdict=Verdict.BAD if stop.stops else Verdict.OK,
        says=f"{said}, {stop.said(now)}; no mail is sent." if stop.stops else f"{said}.",
        facts=_facts(stop),
    )


@check
def check_sending_stopped(application: ApplicationDatabase, after: Threshold = SENT_AFTER_STOP) -> Finding:
    """Is all sending stopped, and has no mail gone out since?

    For whoever wants it stopped: that mails are sent is BAD here. The switch alone proves nothing: what went out later
    than ten seconds after it was set decides. Nothing but the application's own database is asked.
    """
    now, stop = application.now(), emergency_stop(application)
    if not stop.stops:
        sent = _sent(application, now - LATELY)
        return Finding(
            verdict=Verdict.BAD,
            says=f"Mail is not stopped: {count(int(number(sent['mails'])), 'mail').lower()} went out in the last "
            f"{limit(LATELY.total_seconds())}.",
            facts=_facts(stop),
        )
    if stop.changed_at is None:
        return Finding.unknown(
            "The emergency stop is on; since when is not kept, so it cannot be told whether mails went out since.",
            remedy='Write in environments.toml, under settings: changed_at = "…"  # when it was set',
        )
    sent = _sent(application, stop.changed_at + IN_FLIGHT)
    in_flight = int(number(_sent(application, stop.changed_at)["mails"])) - int(number(sent["mails"]))
    mails = int(number(sent["mails"]))
    handed = f" {count(in_flight, 'mail')} had been handed over by then." if in_flight else ""
    return Finding(
        verdict=after.judge(mails),
        says=f"The emergency stop is on, {stop.said(now)}. {count(mails, 'mail')} went out since.{handed}",
        value=float(mails),
        unit="mails",
        facts={**_facts(stop), "in_flight": in_flight, "last_sent": sent["last"]},
    )


@check
def check_wrong_recipients(application: ApplicationDatabase, wrong: Threshold = WRONG_RECIPIENTS_LIMIT) -> Finding:
    """Do mails go to people who are not enrolled in the campaign?

    Of the mails that went out in the last hour, and of those that are due within the next. While the emergency stop is
    on, only what goes out in spite of it counts; who was reached before and what waits is told.
    """
    now = application.now()
    stop = emergency_stop(application) if application.settings and application.settings.stop else None
    rows = application.rows(WRONG_RECIPIENTS, since=now - LATELY)
    sent, waiting = (int(number(rows[0][name])) if rows else 0 for name in ("all_sent", "all_waiting"))
    counted = sent + waiting
    stopped = ""
    if stop is not None and stop.stops and stop.changed_at is not None:
        since = max(stop.changed_at + IN_FLIGHT, now - LATELY)
        later = application.rows(WRONG_RECIPIENTS, since=since)
        counted = int(number(later[0]["all_sent"])) if later else 0
        stopped = f" The emergency stop is on, {stop.said(now)}; {counted:,} went out in spite of it."
    most = f", most in campaign {rows[0]['campaign']}" if len(rows) > 1 else ""
    campaign = f", all in campaign {rows[0]['campaign']}" if len(rows) == 1 else most
    says = (
        f"{sent:,} mails went out in the last {limit(LATELY.total_seconds())}, and {waiting:,} wait, for people who "
        f"are not enrolled in their campaign (bad from {wrong.bad:,.0f}){campaign}."
        if rows
        else "Every mail of the last hour and of the next is for somebody who is enrolled in its campaign."
    )
    return Finding(
        verdict=wrong.judge(counted),
        says=f"{says}{stopped}",
        value=float(counted),
        unit="mails",
        facts={"sent": sent, "waiting": waiting},
        rows=[{key: row[key] for key in row if not key.startswith("all_")} for row in rows],
    )


@check
def check_held_back(application: ApplicationDatabase, held: Threshold = HELD_BACK) -> Finding:
    """Does the provider hold mail back because too much comes at once?

    Attempts of the last hour that failed with 429, or with words that say the same.
    """
    mails = int(number(application.rows(RATE_LIMITED)[0]["mails"]))
    return Finding(
        verdict=held.judge(mails),
        says=f"The provider held back {count(mails, 'attempt').lower()} in the last hour (bad from {held.bad:,.0f}).",
        value=float(mails),
        unit="attempts",
    )


def _sent(application: ApplicationDatabase, since: datetime) -> Row:
    return application.rows(SENT_SINCE, since=since)[0]


def _facts(stop: Setting) -> Row:
    at = stop.changed_at.isoformat() if stop.changed_at else None
    return {"stop": stop.value, "changed_at": at, "changed_by": stop.changed_by, "reason": stop.reason}
