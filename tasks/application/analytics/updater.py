"""Have the workflow run that writes the daily figures."""

from __future__ import annotations

from tasks.action import Action
from tasks.application.analytics.checks import updater
from tasks.application.exact import applied, apply, planned, undone
from tasks.application.system import ApplicationDatabase
from tasks.model import Outcome, Plan


class RunUpdater(Action):
    """Have the updater of the figures run.

    Switches its workflow on, and has the application's own scheduler run it now: never a second one beside it. Which
    days it writes is its own affair; many write yesterday only.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        one = updater(application)
        changes = one.had_run(application)
        does = f"Have {one.name!r} run." if changes else f"Nothing to do: {one.name!r} is on, and its next run planned."
        return planned(application, does, changes, noun="workflows")

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Switch the workflow off again, and put its next run back."""
        return undone(plan)
