"""A set moves while people look at it: what was approved and is still there is done, what came is asked about next.

Only for an action that says it `narrows`. Otherwise two jobs that fail meanwhile would void the approval of six
hundred, each time anew.

1. `narrowed` leaves of the plan of now what was approved, and records what came.
   A description that many fit (tasks/bounded.py) stays as it was approved; how much still fits it is counted anew.
2. The step is taken to its end with that.
3. `next_round` is the same change again, asked as any other: its plan is made anew. What came while a maintenance did
   its work unattended waits for the next window instead: nobody is woken for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from flows.case.case import ENGINE, Case
from flows.gate.evidence import known_before
from flows.journal import kinds
from flows.step.act import Change, approved_of
from tasks.action import Action
from tasks.bounded import Bounded
from tasks.model import Command, Plan

# A message is read on a phone; the next question has them all.
COMMANDS_SAID = 5


def narrowed(case: Case, change: Change, approved: Plan, fresh: Plan) -> Plan | None:
    """What of `fresh` was approved; None where the action may not do less, or nothing of that is left."""
    if not change.action.narrows:
        return None
    kept = approved_of(case, change, approved, fresh)
    if not kept.commands:
        return None
    radius, before = kept.blast_radius, approved.blast_radius
    return dataclasses.replace(
        kept,
        does=_does(change.action, approved, kept),
        blast_radius=dataclasses.replace(radius, touched=min(radius.touched, before.touched)),
        evidence=known_before(approved, kept),
        people=approved.people,
    )


def _does(action: Action, approved: Plan, kept: Plan) -> str:
    # A description says itself what is left of it.
    if isinstance(action, Bounded):
        return kept.does
    there, of = len(kept.commands), len(approved.commands)
    return approved.does if there == of else f"{approved.does} Of that, {there} of {of} are still there."


def record_what_came(case: Case, change: Change, ask: str, beyond: Sequence[Command]) -> None:
    """Tell what is left for the next round, before anything is begun."""
    came = [command.line for command in beyond]
    more = f" … and {len(came) - COMMANDS_SAID} more" if len(came) > COMMANDS_SAID else ""
    answered = case.log.get(f"{ask}/answered")
    unattended = answered is not None and answered.is_a(kinds.Standing)
    then = "wait for the next window" if unattended else "are asked about next"
    # Descriptions grow: what is new in them has no number of its own before the others are done.
    told = "Others" if isinstance(change.action, Bounded) else f"{len(came)}"
    says = (
        f"{told} came since this was planned, and nobody has approved them: they {then}. "
        f"{'; '.join(came[:COMMANDS_SAID])}{more}"
    )
    entry = kinds.Narrowed(says=says, came=came, asked=not unattended)
    case.log.once(f"{ask}/narrowed", ENGINE, lambda: entry)


def next_round(case: Case, change: Change) -> Change | None:
    """What came while `change` was being approved, as a change of its own; None where nobody is to be asked."""
    came = [e for e in case.log.entries if e.is_a(kinds.Narrowed) and e.key.startswith(f"{change.key}/ask/")]
    if not came or not came[-1].body["asked"]:
        return None
    return dataclasses.replace(
        change, round=change.round + 1, reason=f"The others are done. {came[-1].body['says']}", unattended=False
    )
