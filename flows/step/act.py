"""What follows an agreed plan: intent, apply, outcome; and after a crash, whether it happened.

Every function here can be entered again after a crash: it reads the journal first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass

from flows.case.bodies import plan_from
from flows.case.case import Case, Fate, step_key
from flows.case.question import Decision
from flows.gate.settle import Settled, rounds, settle
from flows.journal import Entry, kinds
from flows.step.fence import fenced
from flows.step.stopped import go_on_only_if_wanted
from flows.told.artifacts import ProgressBar
from runbooks.model import AnyCheck
from tasks.action import Action
from tasks.bounded import Bounded
from tasks.defect import called
from tasks.how_far import Progress, told_to
from tasks.mandate import Mandate
from tasks.model import CannotLook, Outcome, Plan

# Twice applied and still not done is a fact to report, not a reason to go on trying.
TRIES = 2


@dataclass(frozen=True, kw_only=True)
class Change:
    """An action to be taken through the gate.

    `when` is asked again right before it is done: answers it OK, nothing is. `guards` are, too: nothing is unless each
    answers OK or WARN. An undo has neither: it is its own reason. `unattended`: its declaration may approve it.
    `mandate`: it rests on no answer, and may do no more than this; `when` only lends its limits then.
    """

    title: str
    action: Action
    reason: str
    when: AnyCheck | None = None
    guards: tuple[AnyCheck, ...] = ()
    unattended: bool = False
    mandate: Mandate | None = None
    # One more each time others came while those before were being approved (narrow.py).
    round: int = 1

    @property
    def name(self) -> str:
        return round_name(self.title, self.round)

    @property
    def key(self) -> str:
        return step_key(self.name)

    @property
    def called_by(self) -> AnyCheck | None:
        """The check whose answer it rests on."""
        return None if self.mandate else self.when


def round_name(title: str, number: int) -> str:
    """What the journal and people call a round of a step."""
    return title if number == 1 else f"{title}, round {number}"


@dataclass(frozen=True)
class End:
    """What became of a change, and the sentence that says why."""

    fate: Fate
    says: str


def plan_now(case: Case, change: Change) -> Plan:
    """The plan as it would be now.

    Raises:
        CannotLook: the system does not let itself be asked, or the action crashed; Refused: it would do more than its
            mandate says.
    """
    plan = change.action.plan
    limits = case.environment.limits(change.when.name, plan) if change.when else {}
    made = case.patiently(lambda: called(plan, **case.environment.supply(plan), **case.filled(plan), **limits))
    planned = dataclasses.replace(made, people=change.action.people(made))
    if change.mandate is not None:
        change.mandate.refuse_beyond(planned)
    return planned


def act(case: Case, change: Change, plan: Plan, attempt: int = 1) -> End | None:
    """Write the intent, act, write the outcome. An error in between leaves the intent for `settle_intent`."""
    if (end := too_late(case)) is not None:
        return end
    go_on_only_if_wanted(case)
    case.record(f"{change.key}/intent/{attempt}", case.intended(change.name, plan))
    case.say(f"{change.name}: doing it now. {plan.does}")
    shown = ProgressBar(change.title)

    def hear(now: Progress) -> None:
        case.say(f"{change.title}: {now.says}")
        shown.show(now.share)

    apply = change.action.apply
    given = {**case.environment.supply(change.action.plan), **case.filled(apply)}
    try:
        with told_to(hear), fenced(case.log) if case.recoverable else nullcontext():
            # Last of all: a process that was frozen since the intent finds that somebody else has taken over.
            case.log.confirm()
            outcome = called(apply, **given, plan=plan)
    except CannotLook as error:
        case.record(f"{change.key}/broken-off/{attempt}", kinds.BrokenOff(says=error.says))
        case.say(f"{change.title}: {error.says} Looking whether it happened.")
        return None
    # It was told the window's end, and left the rest for the next one.
    cut_short = not outcome.complete and too_late(case) is not None
    case.record(f"{change.key}/outcome", case.became(outcome, cut_short))
    return None


def too_late(case: Case) -> End | None:
    """Nothing is begun after the window's end, whoever approved it."""
    if case.standing is None or not case.standing.over:
        return None
    return End(Fate.CUT_SHORT, "The window ended before it was begun; it waits for the next one.")


def settle_intent(case: Case, change: Change) -> End:
    """An intent without an outcome: did it happen? Yes: record it. No: do what is left. Cannot tell: ask a person."""
    for attempt in itertools.count(1):
        if (outcome := case.log.get(f"{change.key}/outcome")) is not None:
            return _ended(outcome)
        intent = case.log.get(f"{change.key}/intent/{attempt}")
        if intent is None:
            return End(Fate.FAILED, f"It was tried {TRIES} times and did not happen. Do it by hand, or look why.")
        given_up = case.log.get(f"{change.key}/intent/{attempt + 1}") is not None
        if not given_up and (end := _again(case, change, intent, attempt)) is not None:
            return end
    raise AssertionError("attempts never end")


def _again(case: Case, change: Change, intent: Entry, attempt: int) -> End | None:
    # As people saw it; what is looked for is what was in fact to be done.
    plan, meant = plan_from(intent.body["plan"]), case.intent_of(intent)  # type: ignore[arg-type]
    happened = _happened(case, change, meant) if meant else None
    if happened:
        return _ended(_found_done(case, change))
    if happened is None and (end := _unsure(case, change, plan, attempt)) is not None:
        return end
    if attempt < TRIES:
        fresh = plan_now(case, change)
        left = approved_of(case, change, plan, fresh)
        if not fresh.commands:
            return End(Fate.MOOT, f"It was begun and did not happen, and nothing is left to do. {fresh.does}")
        if not left.commands:
            return End(
                Fate.FAILED, f"It was begun and did not happen; what would be done now was not approved. {fresh.does}"
            )
        return act(case, change, left, attempt + 1)
    return None


def _ended(outcome: Entry) -> End:
    says = str(outcome.body["says"])
    if outcome.body["complete"]:
        return End(Fate.APPLIED, says)
    return End(Fate.CUT_SHORT if outcome.body.get("cut_short") else Fate.FAILED, says)


def _happened(case: Case, change: Change, plan: Plan) -> bool | None:
    applied = change.action.applied
    given = {**case.environment.supply(change.action.plan), **case.filled(applied)}
    try:
        return case.patiently(lambda: called(applied, **given, plan=plan))
    except CannotLook:
        return None


def _found_done(case: Case, change: Change) -> Entry:
    outcome = Outcome(says="It had happened, as a look afterwards shows.", complete=True)
    return case.record(f"{change.key}/outcome", case.became(outcome))


def _unsure(case: Case, change: Change, plan: Plan, attempt: int) -> End | None:
    """Ask whether to do it again; None means yes. Never approved by a declaration: that did not foresee it."""
    reason = "It was begun, and it cannot be told whether it happened. Approve: do what is left. Skip: leave it so."
    refused = ""
    for ask in rounds(case, f"{change.key}/unsure/{attempt}"):
        settled = settle(case, ask, change.name, reason, plan, refused=refused)
        if isinstance(settled, str):
            refused = settled
            continue
        return None if settled.decision is Decision.APPROVE else declined(settled)
    raise AssertionError("rounds never ends")


def declined(settled: Settled) -> End:
    """The end of a change that nobody approved."""
    if settled.decision is None:
        return End(Fate.EXPIRED, "Nobody answered in time; nothing was done.")
    fate = Fate.SKIPPED if settled.decision is Decision.SKIP else Fate.REJECTED
    return End(fate, f"Decided by {', '.join(settled.by)}. {settled.note}".strip())


def approved_of(case: Case, change: Change, approved: Plan, fresh: Plan) -> Plan:
    """What of `fresh`, the plan of now, was approved.

    Raises:
        CannotLook: the system does not let itself be asked what is left of a description.
    """
    action = change.action
    if isinstance(action, Bounded):
        ask = action.within
        fresh = case.patiently(
            lambda: called(ask, **case.environment.supply(ask), **case.filled(ask), approved=approved)
        )
    return _rest(fresh, case, approved)


def _rest(fresh: Plan, case: Case, approved: Plan) -> Plan:
    """What of the fresh plan was approved. Where more are masked alike than were approved, nobody knows which: none."""
    shown = [command.effect for command in case.redacted(fresh).commands]
    now, then = Counter(shown), Counter(command.effect for command in approved.commands)
    kept = [command for command, form in zip(fresh.commands, shown, strict=True) if now[form] <= then[form]]
    return dataclasses.replace(fresh, commands=tuple(kept))
