"""Nothing got better, or the work stopped half-way: offer to take back what was done, through the same gate."""

from __future__ import annotations

from collections.abc import Container

from flows.case.case import Case, Fate, step_key
from flows.life.verify import got_worse
from flows.step.act import Change
from flows.step.resolve import resolve
from runbooks.model import AnyCheck, Step
from tasks.model import Outcome

TAKE_BACK = "Take back: "
# What may have left something behind. What the window's end cut short goes on in the next one.
BEGUN = frozenset({Fate.APPLIED, Fate.FAILED})


def offer_undo(
    case: Case,
    *,
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
        if not _left_something(case, step, in_order=in_order) or (undo := _undo(case, step)) is None:
            continue
        fates[step.title] = resolve(case, undo)
        if in_order and fates[step.title] not in (Fate.APPLIED, Fate.MOOT):
            break
    return fates


def _left_something(case: Case, step: Step, *, in_order: bool) -> bool:
    """Of a step that failed and told nothing, a look said that it did not happen; what builds on it looks again."""
    fate = case.fate(step.title)
    told = case.log.get(f"{step_key(step.title)}/outcome") is not None
    return fate in BEGUN and (fate is Fate.APPLIED or told or in_order)


def _undo(case: Case, step: Step) -> Change | None:
    # The first: a later one, after a crash, names only what was left to do by then.
    intent = case.log.get(f"{step_key(step.title)}/intent/1")
    if intent is None:
        return None
    plan, outcome = case.intent_of(intent), case.outcome_of(step.title)
    if plan is None or outcome is None:
        case.say(f"{step.title}: what it touched was sealed by a process with another key. Take it back by hand.")
        return None
    undo = step.action.undoing(plan, outcome)
    if undo is None:
        return None
    return Change(title=f"{TAKE_BACK}{step.title}", action=undo, reason=_reason(case, step, outcome))


def _reason(case: Case, step: Step, outcome: Outcome) -> str:
    worse = got_worse(case)
    if case.fate(step.title) is not Fate.APPLIED:
        return f"“{step.title}” failed: {outcome.says} This takes back what was done of it. {worse}".strip()
    if worse:
        return f"Since “{step.title}” was done, something else is worse than before; this takes it back. {worse}"
    return f"“{step.title}” did not help; this takes it back."
