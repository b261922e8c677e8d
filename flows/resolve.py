"""Take a step from its plan to its outcome: plan, gate, look again, plan again, intent, apply, outcome.

Each arrow is a journal entry, and every function here can be entered again after a crash: it reads first.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

from flows.artifacts import ProgressBar, publish_plan, publish_step
from flows.case import ENGINE, Case, Fate, step_key
from flows.diagnose import ask_all
from flows.gate import Decision, Settled, rounds, settle
from flows.journal import Entry
from flows.record import finding_body, outcome_body, plan_body, plan_from
from runbooks.model import AnyCheck, Manual
from tasks.action import Action
from tasks.model import CannotLook, Outcome, Plan, Verdict
from tasks.progress import Progress, told_to

# Twice applied and still not done is a fact to report, not a reason to go on trying.
TRIES = 2


@dataclass(frozen=True, kw_only=True)
class Change:
    """An action to be taken through the gate. Without `when` nothing is looked at again: an undo is its own reason."""

    title: str
    action: Action
    reason: str
    when: AnyCheck | None = None

    @property
    def key(self) -> str:
        return step_key(self.title)


@dataclass(frozen=True)
class End:
    """What became of a change, and the sentence that says why."""

    fate: Fate
    says: str


def instruct(case: Case, manual: Manual) -> None:
    """Record an instruction for a person; the post-mortem lists it as a follow-up."""
    case.log.once(
        f"{step_key(manual.title)}/manual",
        kind="manual",
        actor=ENGINE,
        make=lambda: {"title": manual.title, "how": manual.how},
    )


def resolve(case: Case, change: Change) -> Fate:
    """Bring one change to its end.

    Raises:
        JournalUnavailable: nothing further may happen without the record.
    """
    closed = case.log.get(f"{change.key}/closed")
    if closed is not None:
        return Fate(str(closed.body["fate"]))
    try:
        end = _live(case, change)
    except CannotLook as error:
        end = End(Fate.FAILED, f"{error.says} {error.remedy}".strip())
    case.record("step", f"{change.key}/closed", {"title": change.title, "fate": end.fate.value, "says": end.says})
    publish_step(change.title, end.fate, case.redact.text(end.says))
    case.say(f"{change.title}: {end.fate}. {end.says}")
    return end.fate


def _live(case: Case, change: Change) -> End:
    if case.log.get(f"{change.key}/intent/1") is None:
        agreed = _agree(case, change)
        if isinstance(agreed, End):
            return agreed
        _apply(case, change, agreed, 1)
    return _settle_intent(case, change)


def _agree(case: Case, change: Change) -> Plan | End:
    """The plan that was approved and still is what would be done; or why there is none."""
    refused = ""
    for ask in rounds(case, change.key):
        asked = case.log.get(f"{ask}/asked")
        plan = plan_from(asked.body["plan"]) if asked else case.redacted(_plan(case, change))  # type: ignore[arg-type]
        if not plan.commands:
            return End(Fate.MOOT, plan.does)
        if asked is None:
            publish_plan(change.title, plan)
        settled = settle(case, ask, change.title, change.reason, plan, refused=refused)
        if isinstance(settled, str):
            refused = settled
            continue
        if settled.decision is not Decision.APPROVE:
            return _declined(settled)
        agreed = _still(case, change, ask, plan)
        if isinstance(agreed, str):
            case.record("void", f"{ask}/void", {"says": agreed})
            refused = agreed
            continue
        return agreed
    raise AssertionError("rounds never ends")


def _declined(settled: Settled) -> End:
    if settled.decision is None:
        return End(Fate.EXPIRED, "Nobody answered in time; nothing was done.")
    fate = Fate.SKIPPED if settled.decision is Decision.SKIP else Fate.REJECTED
    return End(fate, f"Decided by {settled.by}. {settled.note}".strip())


def _still(case: Case, change: Change, ask: str, approved: Plan) -> Plan | End | str:
    """Look again, plan again. A plan to carry out, an end of the step, or the sentence that voids the approval."""
    if change.when is not None:
        finding = ask_all(case, [change.when])[change.when]
        # Its own entry each time: after a crash the look has to be a new one.
        case.record("look", f"{ask}/look/{len(case.log.entries)}", dict(finding_body(finding)))
        if finding.verdict is Verdict.UNKNOWN:
            return (
                f"The approval is void, because it could not be seen whether the fault is still there: {finding.says}"
            )
        # WARN is not gone: the queue behind a new head has only just begun to wait. The plan below tells who it is now.
        if finding.verdict is Verdict.OK:
            return End(Fate.MOOT, f"The fault was gone before the step began; nothing was done. {finding.says}")
    fresh = _plan(case, change)
    beyond = case.redacted(fresh).exceeds(approved)
    if beyond:
        return "The approval is void, because more or other things would be done now than were approved: " + "; ".join(
            sorted(beyond)
        )
    return fresh if fresh.commands else End(Fate.MOOT, fresh.does)


def _plan(case: Case, change: Change) -> Plan:
    plan = change.action.plan
    limits = case.environment.limits(change.when.name, plan) if change.when else {}
    return case.patiently(lambda: plan(**case.environment.supply(plan), **limits))


def _apply(case: Case, change: Change, plan: Plan, attempt: int) -> None:
    """Write the intent, act, write the outcome. An error in between leaves the intent for `_settle_intent`."""
    case.record("intent", f"{change.key}/intent/{attempt}", {"plan": plan_body(plan), "title": change.title})
    case.say(f"{change.title}: doing it now. {plan.does}")
    supplied = case.environment.supply(change.action.plan)
    shown = ProgressBar(change.title)

    def hear(now: Progress) -> None:
        case.say(f"{change.title}: {now.says}")
        shown.show(now.share)

    try:
        with told_to(hear):
            outcome = change.action.apply(**supplied, plan=plan)
    except CannotLook as error:
        case.record("broken off", f"{change.key}/broken-off/{attempt}", {"says": error.says})
        case.say(f"{change.title}: {error.says} Looking whether it happened.")
        return
    case.record("outcome", f"{change.key}/outcome", dict(outcome_body(outcome)))


def _settle_intent(case: Case, change: Change) -> End:
    """An intent without an outcome: did it happen? Yes: record it. No: do what is left. Cannot tell: ask a person."""
    for attempt in itertools.count(1):
        if (outcome := case.log.get(f"{change.key}/outcome")) is not None:
            return _ended(outcome)
        intent = case.log.get(f"{change.key}/intent/{attempt}")
        if intent is None:
            return End(Fate.FAILED, f"It was tried {TRIES} times and did not happen. Do it by hand, or look why.")
        if case.log.get(f"{change.key}/intent/{attempt + 1}") is None:
            plan = plan_from(intent.body["plan"])  # type: ignore[arg-type]
            if (end := _again(case, change, plan, attempt)) is not None:
                return end
    raise AssertionError("attempts never end")


def _again(case: Case, change: Change, plan: Plan, attempt: int) -> End | None:
    happened = _happened(case, change, plan)
    if happened:
        return _ended(_found_done(case, change))
    if happened is None and (end := _unsure(case, change, plan, attempt)) is not None:
        return end
    if attempt < TRIES:
        fresh = _plan(case, change)
        rest = _rest(fresh, case, plan)
        if not fresh.commands:
            return End(Fate.MOOT, f"It was begun and did not happen, and nothing is left to do. {fresh.does}")
        if not rest.commands:
            return End(
                Fate.FAILED, f"It was begun and did not happen; what would be done now was not approved. {fresh.does}"
            )
        _apply(case, change, rest, attempt + 1)
    return None


def _ended(outcome: Entry) -> End:
    return End(Fate.APPLIED if outcome.body["complete"] else Fate.FAILED, str(outcome.body["says"]))


def _happened(case: Case, change: Change, plan: Plan) -> bool | None:
    supplied = case.environment.supply(change.action.plan)
    try:
        return case.patiently(lambda: change.action.applied(**supplied, plan=plan))
    except CannotLook:
        return None


def _found_done(case: Case, change: Change) -> Entry:
    outcome = Outcome(says="It had happened, as a look afterwards shows.", complete=True)
    return case.record("outcome", f"{change.key}/outcome", dict(outcome_body(outcome)))


def _unsure(case: Case, change: Change, plan: Plan, attempt: int) -> End | None:
    """Ask whether to do it again; None means yes."""
    reason = "It was begun, and it cannot be told whether it happened. Approve: do what is left. Skip: leave it so."
    refused = ""
    for ask in rounds(case, f"{change.key}/unsure/{attempt}"):
        settled = settle(case, ask, change.title, reason, plan, refused=refused)
        if isinstance(settled, str):
            refused = settled
            continue
        return None if settled.decision is Decision.APPROVE else _declined(settled)
    raise AssertionError("rounds never ends")


def _rest(fresh: Plan, case: Case, approved: Plan) -> Plan:
    """What of the fresh plan was approved."""
    kept = [
        command
        for command, shown in zip(fresh.commands, case.redacted(fresh).commands, strict=True)
        if shown in approved.commands
    ]
    return dataclasses.replace(fresh, commands=tuple(kept))
