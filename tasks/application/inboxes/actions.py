"""Ways to spare an inbox, and to let it send again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tasks.action import Action
from tasks.application.exact import Change, applied, apply, planned, undone
from tasks.application.inboxes.checks import DOUBT_LIMIT, INBOX_SCORE, in_doubt
from tasks.application.inboxes.health import Inbox, inboxes
from tasks.application.system import ApplicationDatabase
from tasks.model import Outcome, Plan, Row, Threshold, Verdict

Values = Mapping[str, str | None]


class InboxAction(Action):
    """Change inboxes, each a row, and put them back."""

    narrows = True

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Exactly those inboxes can be put back as they were, unless somebody has changed them since."""
        return undone(plan)


class PauseInboxes(InboxAction):
    """Pause the inboxes in bad health for seven days.

    Those whose score is bad, by the same limits as the question. Their mails go out from the others, as far as those
    have room. A week without sending is what a reputation needs to begin to mend.
    """

    def plan(self, application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Plan:
        sick = [one for one in inboxes(application) if one.active and score.judge(one.score) is Verdict.BAD]
        paused = application.values("inboxes.statuses.paused")[0]

        def to(one: Inbox) -> Values:
            until = one.row.get("in_seven_days")
            return {"status": paused, **({"paused_until": str(until)} if until else {})}

        return changed(application, sick, to, "Pause {} for seven days.")


class LowerInboxLimits(InboxAction):
    """Let the inboxes in doubt send ten mails a day at most.

    Or less, where their warm-up allows less: a limit is only ever lowered here.
    """

    def plan(self, application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Plan:
        fast = [one for one in inboxes(application) if in_doubt(one, score)]
        return changed(
            application, fast, lambda one: {"daily_limit": str(min(one.limit, DOUBT_LIMIT))}, "Lower the limit of {}."
        )


class ResumeInboxes(InboxAction):
    """Let the inboxes send again whose pause is over.

    Those whose last seven days are in bad health still are left paused.
    """

    def plan(self, application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Plan:
        over = [one for one in inboxes(application) if one.paused and one.row.get("pause_over")]
        well = [one for one in over if score.judge(one.score) is not Verdict.BAD]
        active = application.values("inboxes.statuses.active")[0]
        left = f" {len(over) - len(well)} left paused: in bad health still." if len(over) > len(well) else ""
        return changed(
            application, well, lambda _: {"status": active, "paused_until": None}, f"Let {{}} send again.{left}", left
        )


class RaiseInboxLimits(InboxAction):
    """Raise the limits of inboxes to what their warm-up allows.

    Only of those in good health, and never above their warm-up; one that was warmed up elsewhere has no plan to follow.
    """

    def plan(self, application: ApplicationDatabase, score: Threshold = INBOX_SCORE) -> Plan:
        low = [
            one
            for one in inboxes(application)
            if one.active and one.allowed is not None and one.daily_limit < one.allowed and not score.judge(one.score)
        ]
        return changed(application, low, lambda one: {"daily_limit": str(one.allowed)}, "Raise the limit of {}.")


def changed(
    application: ApplicationDatabase,
    chosen: Sequence[Inbox],
    to: Callable[[Inbox], Values],
    does: str,
    nothing: str = "",
    evidence: Sequence[Row] = (),
) -> Plan:
    """A change for each of these inboxes; `does` names them in place of {}. Shown are they, or this `evidence`."""
    changes = [
        Change(part="inboxes", key=one.id, was={name: _now(one, name) for name in values}, to=values)
        for one, values in ((one, to(one)) for one in chosen)
    ]
    named = ", ".join(f"{one.row['address']} ({one.score} points)" for one in chosen[:5])
    more = f" and {len(chosen) - 5} more" if len(chosen) > 5 else ""
    says = does.format(f"{named}{more}") if chosen else f"Nothing to do: no inbox calls for it.{nothing}"
    shown = evidence or [one.shown for one in chosen[:20]]
    return planned(application, says, changes, noun="inboxes", evidence=shown)


def _now(one: Inbox, name: str) -> str | None:
    value = one.row[name]
    return None if value is None else str(value)
