"""Have users begin the step again that failed: exactly those who were shown, and back again."""

from __future__ import annotations

from tasks.action import Action
from tasks.application.exact import Change, applied, apply, planned, undone
from tasks.application.onboarding.checks import FAILED_FOR, RECENT, error_class, ordered_steps
from tasks.application.onboarding.draft import step_draft
from tasks.application.onboarding.queries import FAILED
from tasks.application.system import ApplicationDatabase
from tasks.mail.addresses import masked
from tasks.model import Outcome, Plan, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count

MOST = 500


class ResetStep(Action):
    """Reset users whose step failed to the step before.

    Exactly those who were shown, while they still stand there. Who is at the first step begins it again. What made the
    step fail is not mended by that: the draft of a mail says what the user has to do, and nothing is sent.
    """

    narrows = True

    def plan(self, application: ApplicationDatabase, failed: Threshold = FAILED_FOR) -> Plan:
        steps = ordered_steps(application)
        now, going = application.now(), application.values("onboarding.statuses.going")[0]
        rows = application.rows(FAILED, since=now - RECENT, until=now, most=MOST)
        stuck = [row for row in rows if failed.judge(number(row["waits_s"]))]
        known = [row for row in stuck if str(row["step"]) in steps]
        changes = [_change(row, steps, going) for row in known]
        odd = len(stuck) - len(known)
        beside = f" {count(odd, 'user')} at a step that `steps` does not name: not touched." if odd else ""
        does = f"Reset {count(len(changes), 'user')} to the step before the one that failed.{beside}"
        drafts: list[Row] = [
            {"step": step, "kind": kind, "draft": step_draft(step, kind)}
            for step, kind in dict.fromkeys((str(row["step"]), error_class(row.get("error"))) for row in known)
        ]
        seen: list[Row] = [
            {
                "user": str(row["key"]),
                "email": masked(str(row["email"])) if row.get("email") else "",
                "step": row["step"],
                "to": _before(str(row["step"]), steps),
                "since": row["since"],
            }
            for row in known
        ]
        return planned(application, does, changes, noun="users", evidence=[*seen, *drafts])

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Put step and status back as they were, of whoever has not gone on since."""
        return undone(plan)


def _change(row: Row, steps: tuple[str, ...], going: str) -> Change:
    step = str(row["step"])
    was: dict[str, str | None] = {"step": step, "status": str(row["status"])}
    return Change(part="onboarding", key=str(row["key"]), was=was, to={"step": _before(step, steps), "status": going})


def _before(step: str, steps: tuple[str, ...]) -> str:
    return steps[max(steps.index(step) - 1, 0)]
