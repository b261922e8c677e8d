"""Nothing got better, or the work stopped half-way: offer to take back what was done, through the same gate."""

from __future__ import annotations

from collections.abc import Container

from flows.case.case import Case, Fate, step_key
from flows.step.act import Change
from flows.step.resolve import resolve
from runbooks.model import AnyCheck, Step

TAKE_BACK = "Take back: "


def offer_undo(
    case: Case,
    *,
    begun: frozenset[Fate] = frozenset({Fate.APPLIED}),
    in_order: bool = False,
    helped: Container[AnyCheck] = (),
) -> dict[str, Fate]:
    """What became of each offer, last step first. `in_order`: a step that stays keeps those before it, too.

    A step that a check called for which is among `helped` did what it was for, whatever became of the others.
    """
    fates: dict[str, Fate] = {}
    for step in reversed(case.runbook.action_steps):
        if step.when in helped:
            continue
        if case.fate(step) not in begun or (undo := _undo(case, step)) is None:
            continue
        fates[step.title] = resolve(case, undo)
        if in_order and fates[step.title] not in (Fate.APPLIED, Fate.MOOT):
            break
    return fates


def _undo(case: Case, step: Step) -> Change | None:
    intents = [e for e in case.log.entries if e.key.startswith(f"{step_key(step.title)}/intent/")]
    if not intents:
        return None
    plan = case.intent_of(intents[-1])
    if plan is None:
        case.say(f"{step.title}: what it touched was sealed by a process with another key. Take it back by hand.")
        return None
    undo = step.action.undoing(plan)
    if undo is None:
        return None
    reason = f"“{step.title}” did not help; this takes it back."
    return Change(title=f"{TAKE_BACK}{step.title}", action=undo, reason=reason)
