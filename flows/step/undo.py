"""Nothing got better, or the work stopped half-way: offer to take back what was done, through the same gate."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Container, Iterator, Sequence

from flows.case.case import Case, Fate, step_key
from flows.journal import Entry
from flows.life.verify import got_worse
from flows.step.act import Change, round_name
from flows.step.resolve import resolve
from runbooks.model import AnyCheck, Step
from tasks.defect import called
from tasks.model import CannotLook, Outcome, Plan

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

    A step that a check called for which is among `helped` did what it was for, whatever became of the others. What was
    done at once stays: an emergency stop that did not stop everything is no reason to lift it.
    """
    fates: dict[str, Fate] = {}
    for step in reversed(case.runbook.action_steps):
        if step.when in helped or step.at_once:
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
    rounds = [(case.intent_of(intent), case.outcome_of(name)) for name, intent in _rounds(case, step.title)]
    if not rounds:
        return None
    read = [(plan, outcome) for plan, outcome in rounds if plan is not None and outcome is not None]
    if len(read) < len(rounds):
        case.say(f"{step.title}: what it touched was sealed by a process with another key. Take it back by hand.")
        return None
    plan, outcome = _together(read)
    try:
        undo = called(step.action.undoing, plan=plan, outcome=outcome)
    except CannotLook as error:
        case.say(f"{step.title}: how to take it back cannot be told: {error.says} Take it back by hand.")
        return None
    if undo is None:
        return None
    return Change(title=f"{TAKE_BACK}{step.title}", action=undo, reason=_reason(case, step, outcome))


def _rounds(case: Case, title: str) -> Iterator[tuple[str, Entry]]:
    """Each round of the step that left something, by its name, with its first intent.

    The first: a later one, after a crash, names only what was left to do by then.
    """
    for number in itertools.count(1):
        name = round_name(title, number)
        key = step_key(name)
        intent = case.log.get(f"{key}/intent/1")
        if intent is None:
            return
        if number == 1 or case.fate(name) is Fate.APPLIED or case.log.get(f"{key}/outcome") is not None:
            yield name, intent


def _together(rounds: Sequence[tuple[Plan, Outcome]]) -> tuple[Plan, Outcome]:
    """What was done in all of them, as one plan and its outcome. What one left alone, a later one may have done."""
    plan, outcome = rounds[-1]
    done = [command for plan, outcome in rounds for command in outcome.done_of(plan).commands]
    told = dataclasses.replace(
        outcome,
        says=" ".join(outcome.says for _, outcome in rounds),
        complete=all(outcome.complete for _, outcome in rounds),
        rows=[row for _, outcome in rounds for row in outcome.rows],
        not_done=(),
    )
    return dataclasses.replace(plan, commands=tuple(done)), told


def _reason(case: Case, step: Step, outcome: Outcome) -> str:
    worse = got_worse(case)
    if case.fate(step.title) is not Fate.APPLIED:
        return f"“{step.title}” failed: {outcome.says} This takes back what was done of it. {worse}".strip()
    if worse:
        return f"Since “{step.title}” was done, something else is worse than before; this takes it back. {worse}"
    return f"“{step.title}” did not help; this takes it back."
