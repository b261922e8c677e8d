"""What people do themselves: an instruction to remember, one to sign off, and an incident that nothing here can mend.

Of the last:
1. What found the fault is asked again; where it is gone, nobody is asked anything.
2. A person is asked to mend it, and to say what was done. The run is suspended meanwhile, and its watch opens no other.
3. Nobody answered in time: on from 1, so that it stays open as long as the fault does, and no longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.case.bodies import looked
from flows.case.case import BY_HAND, ENGINE, Case, Fate, step_key
from flows.case.question import Decision
from flows.gate.settle import Settled, rounds, settle
from flows.journal import kinds
from flows.life.diagnose import ask_all
from flows.step.act import End, declined
from flows.step.instruction import instruction
from flows.step.resolve import close
from runbooks.model import AnyCheck, Manual
from tasks.model import BlastRadius, Finding, Plan, Risk, Verdict

STAYS = (
    "Approve when it is mended, and note what you did: then the same questions are asked again. Take your time: while "
    "nobody answers the incident stays open, and it closes by itself once they answer OK. Skip to close it as it is."
)


def instruct(case: Case, manual: Manual) -> None:
    """Record an instruction for a person; the post-mortem lists it as a follow-up."""
    case.log.once(
        f"{step_key(manual.title)}/manual",
        ENGINE,
        lambda: kinds.Manual(title=manual.title, how=instruction(case, manual)),
    )


def sign_off(case: Case, manual: Manual, reason: str) -> Fate:
    """Wait until a person says that an instruction was followed: approve means done."""
    key = step_key(manual.title)
    if (fate := case.fate(manual.title)) is not None:
        return fate
    refused = ""
    for ask in rounds(case, key):
        settled = settle(
            case, ask, manual.title, reason, nothing_by_us(case, instruction(case, manual)), refused=refused
        )
        if isinstance(settled, str):
            refused = settled
            continue
        return close(case, manual.title, _end(settled))
    raise AssertionError("rounds never ends")


def nothing_else_helps(case: Case) -> bool:
    """Was no step begun, and nobody asked? Closed now, the incident would be opened again at its watch's next look."""
    idle = {Fate.MOOT, Fate.FAILED}
    begun = [step for step in case.runbook.action_steps if case.log.get(f"{step_key(step.title)}/intent/1")]
    return case.fates() <= idle and not begun


def mend_by_hand(case: Case) -> None:
    """Wait until a person has mended what the called checks found, or it is gone."""
    key, refused = step_key(BY_HAND), ""
    for ask in rounds(case, key):
        still = {} if case.log.get(f"{ask}/asked") else still_there(case, ask)
        if not still and case.log.get(f"{ask}/asked") is None:
            return
        reason = " ".join(finding.says for finding in still.values())
        plan = nothing_by_us(case, "\n\n".join([*_instructions(case, still), STAYS]))
        settled = settle(case, ask, BY_HAND, reason, plan, refused=refused)
        if isinstance(settled, str):
            refused = settled
        elif settled.decision is None:
            case.record(f"{ask}/void", kinds.Void(says="Nobody answered; it is looked at again."))
            refused = ""
        else:
            close(case, BY_HAND, _end(settled))
            return


def still_there(case: Case, ask: str) -> dict[AnyCheck, Finding]:
    """Those of the called checks whose fault is there still, or cannot be seen."""
    found = ask_all(case, case.called())
    for asked, finding in found.items():
        case.record(f"{ask}/look/{len(case.log.entries)}", looked(asked.name, finding))
    return {asked: finding for asked, finding in found.items() if finding.verdict >= Verdict.UNKNOWN}


def _instructions(case: Case, still: Mapping[AnyCheck, Finding]) -> Iterator[str]:
    yield "Nothing that can be approved here mends it."
    for step in case.runbook.action_steps:
        closed = case.log.get(f"{step_key(step.title)}/closed")
        if step.when in still and closed:
            yield f"{step.title}: {closed.body['fate']}. {closed.body['says']}"
    for part in case.runbook.parts:
        if isinstance(part, Manual) and part.when in still:
            yield f"{part.title}: {instruction(case, part)}"
    yield from (finding.remedy for finding in still.values() if finding.remedy)


def nothing_by_us(case: Case, does: str) -> Plan:
    """Nothing is done by us, so there is nothing to bind an approval to but the words."""
    nothing = BlastRadius(touched=0, total=0, noun="things touched by us")
    return case.redacted(Plan(does=does, commands=(), blast_radius=nothing, risk=Risk.LOW, loses=""))


def _end(settled: Settled) -> End:
    done = End(Fate.APPLIED, f"Done by hand, says {', '.join(settled.by)}. {settled.note}".strip())
    return done if settled.decision is Decision.APPROVE else declined(settled)
