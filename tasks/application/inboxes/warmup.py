"""A new inbox: the plan by which it is warmed up."""

from __future__ import annotations

from tasks.application.exact import planned
from tasks.application.inboxes.actions import InboxAction, changed
from tasks.application.inboxes.health import WARMUP, Inbox, inboxes
from tasks.application.inboxes.queries import TODAY
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Plan, Refused, Row, Verdict
from tasks.postgres.values import number


@check
def check_inbox_known(application: ApplicationDatabase, inbox: str = "") -> Finding:
    """Is the inbox there, and has it sent nothing yet?"""
    one = _one(application, inbox)
    sent = int(number(one.row["sent"]))
    told = f"and sent {sent:,} mails in the last seven days: it is not new" if sent else "and sent nothing lately"
    return Finding(
        verdict=Verdict.WARN if sent else Verdict.OK,
        says=f"{one.row['address']} is there, {told}.",
        value=float(sent),
        unit="mails",
        rows=[one.shown],
    )


@check
def check_inbox_warmup(application: ApplicationDatabase, inbox: str = "") -> Finding:
    """Is the inbox in its warm-up, and allowed no more than that allows?"""
    one = _one(application, inbox)
    if one.allowed is None:
        return Finding(verdict=Verdict.BAD, says=f"{one.row['address']} has no warm-up.", rows=[one.shown])
    return Finding(
        verdict=Verdict.BAD if one.daily_limit > one.allowed else Verdict.OK,
        says=f"{one.row['address']} may send {one.daily_limit} mails a day; its warm-up allows {one.allowed}.",
        value=float(one.daily_limit),
        unit="mails",
        rows=[one.shown],
    )


class BeginWarmup(InboxAction):
    """Begin the warm-up of the inbox today.

    With five mails a day in the first week, then 10, 15, 20, and from the fifth week 25 to 40. From today, never a date
    that was: a beginning in the past would be a later week at once.
    """

    def plan(self, application: ApplicationDatabase, inbox: str) -> Plan:
        one = _one(application, inbox)
        if one.allowed is not None:
            does = f"Nothing to do: the warm-up of {one.row['address']} has begun, and allows {one.allowed} a day."
            return planned(application, does, (), noun="inboxes")
        # Never above what somebody has set lower.
        most = min(WARMUP[0], one.daily_limit) if one.daily_limit else WARMUP[0]
        to = {"warmup_from": str(application.rows(TODAY)[0]["day"]), "daily_limit": str(most)}
        return changed(application, [one], lambda _: to, "Begin the warm-up of {} today.", evidence=_schedule())


def _one(application: ApplicationDatabase, inbox: str) -> Inbox:
    found = [one for one in inboxes(application) if str(one.row["address"]).casefold() == inbox.casefold()]
    if len(found) != 1:
        raise Refused(
            f"{application.address} has {len(found) or 'no'} inbox with this address.",
            remedy="Add it to the application first, with its sending and receiving servers, and write the address as "
            "it stands there.",
        )
    return found[0]


def _schedule() -> list[Row]:
    return [
        {"week": week, "from_day": (week - 1) * 7 + 1, "mails_a_day": most} for week, most in enumerate(WARMUP, start=1)
    ]
