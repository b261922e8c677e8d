"""What is done about issues at Sentry: somebody gets them, and once mended they are resolved, each by its id."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.action import Action
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.sentry.checks import new_issues
from tasks.sentry.system import SentryApi
from tasks.sentry.told import Issue

# One decision of a person covers no more than a page of them.
MOST_AT_ONCE = 25


class AssignNewIssues(Action):
    """Hand the new issues at Sentry to whoever is on call.

    To `assign_to`, as it is configured. Those that somebody has stay with them.
    """

    undo = NoWayBack(loses="Nothing is lost: whoever has an issue can hand it on at Sentry.")
    narrows = True

    def plan(self, sentry: SentryApi) -> Plan:
        found = [one for one in new_issues(sentry) if not one.assigned_to]
        if not sentry.assign_to:
            return _plan(sentry, "Nobody is named to hand them to: `assign_to` is empty.", found, [], "assignedTo", "")
        does = f"Hand {len(found)} new issues to {sentry.assign_to}." if found else "No new issue waits for an owner."
        return _plan(sentry, does, found, found, "assignedTo", sentry.assign_to)

    def apply(self, sentry: SentryApi, plan: Plan) -> Outcome:
        return _each(sentry, plan, lambda now: "" if not now.assigned_to else f"{now.assigned_to} has it by now")

    def applied(self, sentry: SentryApi, plan: Plan) -> bool | None:
        return _all(sentry, plan, lambda now: bool(now.assigned_to))


class ResolveNewIssues(Action):
    """Resolve the new issues at Sentry.

    Only after what caused them was taken back or mended: an issue that comes again opens itself again, as a regression.
    """

    narrows = True

    def plan(self, sentry: SentryApi) -> Plan:
        found = new_issues(sentry)
        does = f"Resolve {len(found)} issues that are new within the hour." if found else "No new issue is open."
        return _plan(sentry, does, found, found, "status", "resolved")

    def apply(self, sentry: SentryApi, plan: Plan) -> Outcome:
        return _each(sentry, plan, _still("unresolved"))

    def applied(self, sentry: SentryApi, plan: Plan) -> bool | None:
        return _all(sentry, plan, lambda now: now.status == "resolved")

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - the plan names them all
        """Open those that were resolved again, and no others."""
        return ReopenIssues([str(one.target["issue"]) for one in plan.commands])


class ReopenIssues(Action):
    """Open issues at Sentry again that were resolved by mistake."""

    narrows = True

    def __init__(self, issues: Sequence[str]) -> None:
        """Sentry's own ids."""
        self.issues = tuple(issues)

    def plan(self, sentry: SentryApi) -> Plan:
        found = [one for one in (sentry.issue(named) for named in self.issues) if one.status == "resolved"]
        does = f"Open {len(found)} of {len(self.issues)} issues again."
        return _plan(sentry, does, found, found, "status", "unresolved")

    def apply(self, sentry: SentryApi, plan: Plan) -> Outcome:
        return _each(sentry, plan, _still("resolved"))

    def applied(self, sentry: SentryApi, plan: Plan) -> bool | None:
        return _all(sentry, plan, lambda now: now.status == "unresolved")

    undo = NoWayBack(loses="Nothing is lost: an open issue can be resolved again.")


def _still(status: str) -> Callable[[Issue], str]:
    return lambda now: "" if now.status == status else f"it is {now.status} by now"


def _plan(sentry: SentryApi, does: str, seen: Sequence[Issue], to_do: Sequence[Issue], field: str, value: str) -> Plan:
    commands = [
        Command(
            line=sentry.line(one.id, field, value),
            target={"organization": sentry.organization, "issue": one.id, "field": field, "value": value},
        )
        for one in to_do[:MOST_AT_ONCE]
    ]
    return Plan(
        does=does,
        commands=tuple(commands),
        blast_radius=BlastRadius(touched=len(commands), total=len(seen), noun="new issues"),
        risk=Risk.LOW,
        loses="",
        evidence=[one.row for one in seen],
        language="http",
    )


def _each(sentry: SentryApi, plan: Plan, changed: Callable[[Issue], str]) -> Outcome:
    """One after the other, each looked at right before; what became another one meanwhile is left alone."""
    rows: list[Row] = []
    left: list[Row] = []
    for command in plan.commands:
        named, why, doubt = str(command.target["issue"]), "", ""
        try:
            why = _one(sentry, command, changed)
        except Refused as error:
            why = error.says.rstrip(".")
        except CannotLook as error:
            doubt = error.says.rstrip(".")  # it may have been done, and the way back has to reach it
        rows.append({"issue": named, "left_alone": why, "in_doubt": doubt})
        left += [command.target] if why else []
    sick = [str(row["left_alone"] or row["in_doubt"]) for row in rows if row["left_alone"] or row["in_doubt"]]
    rest = f" {len(sick)} were not, or may not have been: {sick[0]}." if sick else ""
    return Outcome(
        says=f"{len(rows) - len(sick)} of {len(rows)} issues changed.{rest}",
        complete=not sick,
        rows=rows,
        not_done=left,
    )


def _one(sentry: SentryApi, command: Command, changed: Callable[[Issue], str]) -> str:
    """Why it was left alone; empty where it was changed."""
    named = str(command.target["issue"])
    why = changed(sentry.issue(named))
    if not why:
        sentry.change(named, **{str(command.target["field"]): str(command.target["value"])})
    return why


def _all(sentry: SentryApi, plan: Plan, done: Callable[[Issue], bool]) -> bool | None:
    try:
        return all(done(sentry.issue(str(one.target["issue"]))) for one in plan.commands)
    except CannotLook:
        return None
