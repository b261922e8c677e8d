"""Take a step from its plan to its outcome: plan, gate, look again, plan again, then act; again for what came since.

Each arrow is a journal entry, and every function here can be entered again after a crash: it reads first.
"""

from __future__ import annotations

from flows.case.bodies import looked, plan_from
from flows.case.case import Case, Fate, step_key
from flows.case.question import Decision
from flows.gate.evidence import expired
from flows.gate.quorum import people_needed
from flows.gate.settle import rounds, settle
from flows.journal import kinds
from flows.life.diagnose import ask_all
from flows.step.act import Change, End, act, declined, plan_now, settle_intent, too_late
from flows.step.narrow import narrowed, next_round, record_what_came
from flows.step.turn import Turn
from flows.told.artifacts import publish_plan, publish_step
from flows.told.commands import moved
from runbooks.model import AnyCheck
from tasks.bounded import Bounded
from tasks.model import CannotLook, Finding, Plan, Verdict


def resolve(case: Case, change: Change) -> Fate:
    """Bring one change to its end.

    Raises:
        JournalUnavailable: nothing further may happen without the record.
    """
    fate = case.fate(change.name)
    if fate is None:
        fate = _lived(case, change)
    following = next_round(case, change) if fate is Fate.APPLIED else None
    # Whoever rejects what came stops the runbook; otherwise the step did what it was approved for.
    if following is not None and resolve(case, following) is Fate.REJECTED:
        return Fate.REJECTED
    return fate


def _lived(case: Case, change: Change) -> Fate:
    try:
        end = _live(case, change)
    except CannotLook as error:
        end = End(Fate.FAILED, f"{error.says} {error.remedy}".strip())
    return close(case, change.name, end)


def close(case: Case, title: str, end: End) -> Fate:
    """Record what became of a step."""
    case.record(f"{step_key(title)}/closed", kinds.Step(title=title, fate=end.fate.value, says=end.says))
    publish_step(title, end.fate, case.redact.text(end.says))
    case.say(f"{title}: {end.fate}. {end.says}")
    return end.fate


def _live(case: Case, change: Change) -> End:
    with Turn(case, change.action, waits=change.mandate is None) as turn:
        if case.log.get(f"{change.key}/intent/1") is None:
            agreed = too_late(case) or _agree(case, change, turn)
            end = agreed if isinstance(agreed, End) else act(case, change, agreed)
            if end is not None:
                return end
        # Taken up again after a crash, whoever was at it meanwhile is let finish first.
        while not turn.take():
            continue
        return settle_intent(case, change)


def _agree(case: Case, change: Change, turn: Turn) -> Plan | End:
    """The plan that was approved and still is what would be done; or why there is none."""
    refused = ""
    for ask in rounds(case, change.key):
        asked = case.log.get(f"{ask}/asked")
        if asked is None and (gone := _gone(case, change, ask)):
            return gone
        plan = plan_from(asked.body["plan"]) if asked else _to_be_asked(case, change)  # type: ignore[arg-type]
        if not plan.commands:
            return End(Fate.MOOT, plan.does)
        if asked is None:
            publish_plan(change.name, plan)
        rule = _rule(case, change, plan, ask)
        settled = settle(case, ask, change.name, _reason(case, change), plan, refused=refused, rule=rule)
        if isinstance(settled, str):
            refused = settled
            continue
        if settled.decision is not Decision.APPROVE:
            return declined(settled)
        agreed = _still(case, change, ask, plan) if turn.take() else turn.missed
        if isinstance(agreed, str):
            case.record(f"{ask}/void", kinds.Void(says=agreed))
            refused = agreed
            continue
        return agreed
    raise AssertionError("rounds never ends")


def _gone(case: Case, change: Change, ask: str) -> End | None:
    """The end of a step that is called for no more: who alerted says that it is over, and so it is."""
    looks = [e for e in case.log.entries if e.kind == kinds.Look.kind and e.key.startswith(f"{change.key}/")]
    if change.called_by is None or not case.told_over(looks[-1] if looks else None):
        return None
    seen = _look(case, change, ask)
    return seen if isinstance(seen, End) else None


def _to_be_asked(case: Case, change: Change) -> Plan:
    made = plan_now(case, change)
    case.refuse_masked_targets(made)
    return case.redacted(made)


def _reason(case: Case, change: Change) -> str:
    """What calls for the change, as it was seen last: a void approval was followed by another look."""
    if change.called_by is None:
        return change.reason
    looks = [e for e in case.log.entries if e.is_a(kinds.Look) and e.key.startswith(f"{change.key}/ask/")]
    seen = [str(e.body["says"]) for e in looks if e.body.get("check") == change.called_by.name]
    return seen[-1] if seen else change.reason


def _rule(case: Case, change: Change, plan: Plan, ask: str) -> str:
    """The standing approval that covers this plan; empty if a person has to be asked.

    A plan that moved under its standing approval is looked at by a person, or both could go on for ever.
    """
    asked_once = ask.endswith("/ask/1")
    if case.standing is None or not change.unattended or not asked_once:
        return ""
    return case.standing.rule(plan) if people_needed(plan, case.environment) == 1 else ""


def _still(case: Case, change: Change, ask: str, approved: Plan) -> Plan | End | str:
    """Look again, plan again. A plan to carry out, an end of the step, or the sentence that voids the approval."""
    if (seen := _look(case, change, ask)) is not None:
        return seen
    now = plan_now(case, change)
    if not now.commands:
        return End(Fate.MOOT, now.does)
    beyond = change.action.beyond(case.redacted(now), approved)
    described = isinstance(change.action, Bounded)
    fresh = narrowed(case, change, approved, now) if beyond or described else now
    if fresh is None:
        lines = moved(beyond, approved)
        return f"The approval is void, because more or other things would be done now than were approved: {lines}"
    if people_needed(fresh, case.environment) > people_needed(approved, case.environment):
        return f"The approval is void, because it touches {fresh.blast_radius} now, and that takes more people."
    if fresh.risk > approved.risk:
        return (
            f"The approval is void, because the same now carries {fresh.risk.name.lower()} risk; "
            f"{approved.risk.name.lower()} risk was approved."
        )
    if old := expired(case, ask, approved, case.redacted(fresh)):
        return old
    if beyond:
        record_what_came(case, change, ask, beyond)
    return fresh


def _look(case: Case, change: Change, ask: str) -> End | str | None:
    wanted = [*change.guards, *([change.called_by] if change.called_by else [])]
    found = ask_all(case, wanted)
    for asked in wanted:
        # Its own entry each time: after a crash the look has to be a new one.
        case.record(f"{ask}/look/{len(case.log.entries)}", looked(asked.name, found[asked]))
    if (unready := _unready(change.guards, found)) is not None:
        return f"The approval is void, because it may not be begun any more: {unready.says}"
    if change.called_by is None:
        return None
    finding = found[change.called_by]
    if finding.verdict is Verdict.UNKNOWN:
        return f"The approval is void, because it could not be seen whether the fault is still there: {finding.says}"
    # WARN is not gone: the queue behind a new head has only just begun to wait. The plan below tells who it is now.
    if finding.verdict is Verdict.OK:
        return End(Fate.MOOT, f"The fault was gone before the step began; nothing was done. {finding.says}")
    return None


def _unready(guards: tuple[AnyCheck, ...], found: dict[AnyCheck, Finding]) -> Finding | None:
    return next((found[asked] for asked in guards if found[asked].verdict >= Verdict.UNKNOWN), None)
