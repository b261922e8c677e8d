"""Whom there is to write to, and the campaigns that would."""

from __future__ import annotations

from tasks.action import Action
from tasks.application.control.queries import ELIGIBLE, SENT_SINCE, SLEEPING
from tasks.application.days import day_before
from tasks.application.exact import Change, applied, apply, planned, undone
from tasks.application.sending.queue import QUEUE_AGE, queue
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Outcome, Plan, Risk, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count


@check
def check_eligible_leads(application: ApplicationDatabase) -> Finding:
    """Is there anybody to write to?

    Leads whose enrolment goes on, in a campaign that runs. Nobody enrolled at all is nobody to write to, and no fault.
    """
    row = application.rows(ELIGIBLE)[0]
    eligible, paused = (int(number(row[name])) for name in ("eligible", "paused"))
    told = f" {paused:,} wait in campaigns that are paused." if paused else ""
    return Finding(
        verdict=Verdict.BAD if paused and not eligible else Verdict.OK,
        says=f"{count(eligible, 'enrolment', 'go')} on in campaigns that run.{told}",
        value=float(eligible),
        unit="enrolments",
        facts={"paused": paused},
    )


@check
def check_sent_today(application: ApplicationDatabase, time_zone: str = "UTC") -> Finding:
    """Did mails go out today?

    None is no fault by itself: it is one where mails are due, and have been for longer than the queue's limit.
    """
    now = application.now()
    sent = int(number(application.rows(SENT_SINCE, since=day_before(now, time_zone, 0).since)[0]["mails"]))
    waiting = queue(application)
    return Finding(
        verdict=Verdict.OK if sent else QUEUE_AGE.judge(waiting.oldest_s),
        says=f"{count(sent, 'mail')} went out today. {waiting.says(QUEUE_AGE)}",
        value=float(sent),
        unit="mails",
        facts={"due": waiting.due},
    )


class ResumeCampaigns(Action):
    """Let the paused campaigns run again.

    Only where none runs at all, so that nothing goes out; each is shown with how many leads it would write to. Reject
    it where one was paused on purpose, and resume the others by hand.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase) -> Plan:
        running = application.values("campaigns.statuses.running")[0]
        rows = [row for row in application.rows(SLEEPING) if number(row["leads"])]
        changes = [
            Change(part="campaigns", key=str(r["key"]), was={"status": str(r["status"])}, to={"status": running})
            for r in rows
        ]
        leads = sum(int(number(row["leads"])) for row in rows)
        does = (
            f"Let {count(len(rows), 'campaign').lower()} run again, for {leads:,} enrolments. Ask whoever paused them."
            if rows
            else "Nothing to do: a campaign runs, or none is paused that has leads."
        )
        return planned(application, does, changes, noun="campaigns", evidence=rows[:20], risk=Risk.HIGH)

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Exactly those can be paused again, unless somebody has changed them since; what went out stays out."""
        return undone(plan)
