"""Pause exactly the campaigns that were shown; what resumes them resumes exactly those that ran."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.action import Action
from tasks.application.exact import Change, applied, apply, planned, undone
from tasks.application.queries import CAMPAIGNS_OF, QUEUED_IN
from tasks.application.system import ApplicationDatabase
from tasks.model import Outcome, Plan, Row
from tasks.postgres.values import number
from tasks.postgres.words import count


class PauseCampaigns(Action):
    """Pause campaigns.

    What a pause is, an application decides by its status: here it is written, and nothing else.
    """

    narrows = True

    @abstractmethod
    def plan(self, *args: Any, **systems: Any) -> Plan:
        """Which ones, and why: see `paused`."""

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Resume exactly the campaigns that were paused, unless somebody has changed them since."""
        return undone(plan)


def paused(application: ApplicationDatabase, why: Mapping[str, str], mails: Sequence[Change] = ()) -> Plan:
    """Pause those of the campaigns in `why`, by their ids with the reason, that run now; `mails` are taken out of the
    queue in the same transaction.

    Raises:
        Refused: a name is not mapped, or the role that acts may not write campaigns. CannotLook: no answer.
    """
    to = application.values("campaigns.statuses.paused")[0]
    running = _running(application, why) if why else []
    changes = [
        Change(part="campaigns", key=str(row["key"]), was={"status": str(row["status"])}, to={"status": to})
        for row in running
    ]
    if not changes:
        return planned(application, "Nothing to pause: no campaign that runs calls for it.", [], noun="campaigns")
    named = ", ".join(_named(row) for row in running[:5])
    more = f" and {len(running) - 5} more" if len(running) > 5 else ""
    does = f"Pause {count(len(running), 'campaign')}: {named}{more}.{_waiting(application, running)}"
    if mails:
        does += f" {count(len(mails), 'mail')} {'are' if len(mails) > 1 else 'is'} taken out of it."
    evidence = [{"campaign": _named(row), "why": why[str(row["key"])]} for row in running]
    noun = "campaigns and mails" if mails else "campaigns"
    return planned(application, does, [*changes, *mails], noun=noun, evidence=evidence)


def _running(application: ApplicationDatabase, why: Mapping[str, str]) -> list[Row]:
    return application.rows(CAMPAIGNS_OF, campaigns=_as_rows(application, list(why)))


def _waiting(application: ApplicationDatabase, running: list[Row]) -> str:
    """A sender that looks at the queue alone would send them all the same: whoever approves should know."""
    if not application.knows(QUEUED_IN):
        return ""
    keys = _as_rows(application, [str(row["key"]) for row in running])
    mails = int(number(application.rows(QUEUED_IN, campaigns=keys)[0]["mails"]))
    if not mails:
        return ""
    return f" {count(mails, 'mail', 'wait')} in their queue: they stay there as long as the sender heeds the pause."


def _as_rows(application: ApplicationDatabase, keys: list[str]) -> str:
    column = application.column("campaigns.id")[2]
    return json.dumps([{column: key} for key in keys])


def _named(row: Row) -> str:
    return f"{row.get('name') or 'campaign'} ({row['key']})"
