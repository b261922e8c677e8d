"""A set moves while people look at it: what was approved and is still there is done, what came is asked about next.

Only for an action that says it `narrows`. Otherwise two jobs that fail meanwhile would void the approval of six
hundred, each time anew.

1. `narrowed` leaves of the plan of now what was approved, and records what came.
2. The step is taken to its end with that.
3. `next_round` is the same change again, asked as any other: its plan is made anew. What came while a maintenance did
   its work unattended waits for the next window instead: nobody is woken for it.
"""

from __future__ import annotations

import dataclasses

from flows.case.case import ENGINE, Case
from flows.gate.evidence import known_before
from flows.journal import kinds
from flows.step.act import Change, rest
from tasks.model import Plan

# A message is read on a phone; the next question has them all.
COMMANDS_SAID = 5


def narrowed(case: Case, change: Change, approved: Plan, fresh: Plan) -> Plan | None:
    """What of `fresh` was approved; None where the action may not do less, or nothing of that is left."""
    kept = rest(fresh, case, approved)
    if not change.action.narrows or not kept.commands:
        return None
    there, of = len(kept.commands), len(approved.commands)
    radius, before = fresh.blast_radius, approved.blast_radius
    return dataclasses.replace(
        kept,
        does=approved.does if there == of else f"{approved.does} Of that, {there} of {of} are still there.",
        blast_radius=dataclasses.replace(radius, touched=min(radius.touched, before.touched)),
        evidence=known_before(approved, fresh),
        people=approved.people,
    )


def record_what_came(case: Case, ask: str, approved: Plan, fresh: Plan) -> None:
    """Tell what is left for the next round, before anything is begun."""
    beyond = fresh.exceeds(approved)
    came = [command.line for command in fresh.commands if command.effect in beyond]
    more = f" … and {len(came) - COMMANDS_SAID} more" if len(came) > COMMANDS_SAID else ""
    answered = case.log.get(f"{ask}/answered")
    unattended = answered is not None and answered.is_a(kinds.Standing)
    then = "wait for the next window" if unattended else "are asked about next"
    says = (
        f"{len(came)} came since this was planned, and nobody has approved them: they {then}. "
        f"{'; '.join(came[:COMMANDS_SAID])}{more}"
    )
    told = kinds.Narrowed(says=says, came=came, asked=not unattended)
    case.log.once(f"{ask}/narrowed", ENGINE, lambda: told)


def next_round(case: Case, change: Change) -> Change | None:
    """What came while `change` was being approved, as a change of its own; None where nobody is to be asked."""
    came = [e for e in case.log.entries if e.is_a(kinds.Narrowed) and e.key.startswith(f"{change.key}/ask/")]
    if not came or not came[-1].body["asked"]:
        return None
    return dataclasses.replace(
        change, round=change.round + 1, reason=f"The others are done. {came[-1].body['says']}", unattended=False
    )
