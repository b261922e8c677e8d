"""What we ask an application's database about the inboxes that its mails go out from."""

from __future__ import annotations

from tasks.application.inboxes.health import CAPPED_CRITICAL, CAPPED_DOUBT, Inbox, inboxes
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict

INBOX_SCORE = Threshold(
    warn=CAPPED_DOUBT,
    bad=CAPPED_CRITICAL,
    because="Owner: whoever owns the inboxes. Seed S1: below 80 an inbox is in doubt, below 50 it is paused. Scores "
    "are whole numbers, and one factor that is critical by itself caps them.",
)
# What an inbox in doubt may send a day (S1).
DOUBT_LIMIT = 10


@check
def check_inbox_health(application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Finding:
    """Is every inbox that sends in good health?

    By bounces (40), complaints (30), replies (20) and age (10) of the last seven days; a critical rate of bounces or
    complaints caps the score. Below 200 mails bounces are counted instead, below 1,000 complaints. Of a paused inbox
    nothing is asked: it does what mends it.
    """
    sending = sorted((one for one in inboxes(application) if one.active), key=lambda one: (one.score, one.id))
    if not sending:
        return Finding(verdict=Verdict.OK, says="No inbox sends.", facts={"inboxes": 0})
    worst = sending[0]
    sick = [one for one in sending if score.judge(one.score)]
    return Finding(
        verdict=score.judge(worst.score),
        says=f"{_many(len(sending))} sending, the worst score is "
        f"{worst.score} ({worst.row['address']}: {worst.row['bounced']} of {worst.row['sent']} bounced in seven days); "
        f"{len(sick)} below {score.warn + 1:g} (bad below {score.bad + 1:g}).",
        value=float(worst.score),
        unit="points",
        rows=[one.shown for one in (sick or sending)[:20]],
    )


@check
def check_inbox_pace(application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Finding:
    """Does an inbox in doubt still send at its full pace?

    One whose score is below 80 should send ten mails a day at most, and never more than its warm-up allows.
    """
    fast = [one for one in inboxes(application) if in_doubt(one, score)]
    return Finding(
        verdict=Verdict.BAD if fast else Verdict.OK,
        says=f"{_many(len(fast))} in doubt and still allowed more than {DOUBT_LIMIT} mails a day: "
        f"{', '.join(_named(one) for one in fast[:3])}."
        if fast
        else f"No inbox in doubt sends more than {DOUBT_LIMIT} mails a day.",
        value=float(len(fast)),
        unit="inboxes",
        rows=[one.shown for one in fast[:20]],
    )


@check
def check_inboxes_active(application: ApplicationDatabase) -> Finding:
    """Is there an inbox that may send?"""
    known = inboxes(application)
    active = [one for one in known if one.active]
    over = [one for one in known if one.paused and one.row.get("pause_over")]
    told = f" The pause of {_many(len(over), 'is', 'are')} over." if over else ""
    return Finding(
        verdict=Verdict.BAD if known and not active else Verdict.WARN if over else Verdict.OK,
        says=f"{len(active)} of {len(known)} inboxes may send.{told}",
        value=float(len(active)),
        unit="inboxes",
        rows=[one.shown for one in known if not one.active][:20],
    )


@check
def check_inbox_room(application: ApplicationDatabase) -> Finding:
    """Has an inbox room left for today?

    By its own daily limit and by its warm-up (5, 10, 15, 20, then 25 to 40 a day by week), whichever is lower.
    """
    active = [one for one in inboxes(application) if one.active]
    room = sum(one.room for one in active)
    sent = sum(one.limit - one.room for one in active)
    low = [one for one in active if one.allowed is not None and one.daily_limit < one.allowed]
    lower = f" {_many(len(low), 'may', 'may')} send less than the warm-up allows." if low else ""
    return Finding(
        verdict=Verdict.BAD if active and not room else Verdict.OK,
        says=f"{_many(len(active))} sending; {sent:,} mails of today's {sent + room:,} are gone.{lower}"
        if active
        else "No inbox sends.",
        value=float(room),
        unit="mails",
        rows=[one.shown for one in active if not one.room][:20],
    )


def in_doubt(one: Inbox, score: Threshold) -> bool:
    """Is it below the limit, and not so far below that it is to be paused, and allowed more than it should be?"""
    return one.active and score.judge(one.score) is Verdict.WARN and one.limit > DOUBT_LIMIT


def _many(number: int, is_: str = "is", are: str = "are") -> str:
    return f"{number or 'No'} inbox {is_}" if number < 2 else f"{number:,} inboxes {are}"


def _named(one: Inbox) -> str:
    return f"{one.row['address']} ({one.score} points, {one.limit} a day)"
