"""The pipeline of a playbook: may it begin, its steps in their order, did it work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.case.case import Case, Ending, Fate
from flows.life.diagnose import AT_ONCE, diagnose, worst
from flows.life.execute import live_through
from flows.life.verify import verified, verify
from flows.step import halfway
from flows.step.act import Change
from flows.step.by_hand import sign_off
from flows.step.resolve import resolve
from flows.step.undo import BEGUN, offer_undo
from flows.told.artifacts import publish_findings
from runbooks.model import AnyCheck, Manual, Part
from runbooks.playbook import Playbook
from tasks.model import Finding, Verdict

# A step builds on the one before it: behind one that was not done, none is taken.
STOPS = {Fate.REJECTED, Fate.EXPIRED, Fate.FAILED}


@flow(
    name="playbook",
    flow_run_name="{runbook} in {environment}",
    description="Work through one playbook: its prerequisites, its steps through the gate, the proof, the record.",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=True,
)
def playbook(
    runbook: str,
    environment: str,
    parameters: dict[str, Any] | None = None,
    reason: str = "",
    requester: str = "",
) -> State[Any]:
    """Work through one playbook.

    Args:
        runbook: the playbook's slug, for example playbooks/database-migration.
        environment: where, as named in environments.toml.
        parameters: what this playbook asks for.
        reason: why now, in your words.
        requester: who asks, as on the roster, with what proves it; `incident run --as NAME` fills it in.
    """
    return live_through(Playbook, runbook, environment, _course, asked_by=requester, reason=reason, given=parameters)


def _course(case: Case, playbook: Playbook) -> tuple[Ending, str]:
    findings = diagnose(case)
    publish_findings("findings", findings, f"{playbook.title}: may it begin?")
    unready = not_ready(playbook.prerequisites, findings)
    if unready:
        return Ending.NOT_READY, unready
    stopped = _take_all(case, playbook)
    fates = case.fates()
    if stopped and not _begun(case):
        return Ending.STOPPED, case.says(Ending.STOPPED)
    ending = verify(
        case,
        playbook.success,
        (),
        lambda found: _judge(found, stopped=stopped, done=Fate.APPLIED in fates),
        # What stopped half-way need not be waited for.
        wait=not stopped and bool(fates & BEGUN),
    )
    publish_findings("verification", verified(case), f"Verification: {ending}")
    if ending is Ending.UNSUCCESSFUL or (ending is Ending.STOPPED and worst(verified(case).values()) > Verdict.WARN):
        return _taken_back(case, ending)
    return ending, case.says(ending)


def not_ready(prerequisites: tuple[AnyCheck, ...], findings: Mapping[AnyCheck, Finding]) -> str:
    """Why nothing may be begun, with what to mend; empty if all is ready. What cannot be seen is not."""
    unmet = [findings[asked] for asked in prerequisites if findings[asked].verdict >= Verdict.UNKNOWN]
    told = " ".join(f"{finding.says} {finding.remedy}".strip() for finding in unmet)
    return f"Nothing was begun. Mend this first: {told}" if unmet else ""


def _take_all(case: Case, playbook: Playbook) -> bool:
    """Take step after step; did one stop the work?"""
    for n, part in enumerate(playbook.steps, start=1):
        reason = _reason(case, playbook, n)
        if _take(case, playbook, part, reason) in STOPS:
            return True
    return False


def _reason(case: Case, playbook: Playbook, n: int) -> str:
    filled = ", ".join(f"{name} = {value}" for name, value in case.given.items())
    return f"Step {n} of {len(playbook.steps)} of “{playbook.title}”" + (f" with {filled}." if filled else ".")


def _take(case: Case, playbook: Playbook, part: Part, reason: str) -> Fate:
    if isinstance(part, Manual):
        return sign_off(case, part, reason)
    # An hour may have passed at the gate. Later steps are not held to it: the work itself changes what was asked.
    guards = () if _begun(case) else playbook.prerequisites
    return resolve(case, Change(title=part.title, action=part.action, reason=reason, guards=guards))


def _begun(case: Case) -> set[str]:
    """The steps we began; what people did by hand is theirs to take back."""
    return {step.title for step in case.runbook.action_steps if case.fate(step.title) in BEGUN}


def _judge(found: Mapping[AnyCheck, Finding], *, stopped: bool, done: bool) -> Ending:
    if stopped:
        return Ending.STOPPED
    verdict = worst(found.values())
    if verdict is Verdict.OK:
        return Ending.DONE if done else Ending.NOTHING_TO_DO
    return Ending.CANNOT_TELL if verdict is Verdict.UNKNOWN else Ending.UNSUCCESSFUL


def _taken_back(case: Case, ending: Ending) -> tuple[Ending, str]:
    """Half a piece of work is rarely what anybody wants: offer to take back what was begun, last step first."""
    undone = offer_undo(case, in_order=True)
    told = "".join(_of_the_undo(title, fate) for title, fate in undone.items())
    whole = _begun(case) == set(undone) and set(undone.values()) <= {Fate.APPLIED, Fate.MOOT}
    # Where nothing was left to take back of any, nothing was: it ended as it would have.
    ending = Ending.TAKEN_BACK if whole and Fate.APPLIED in undone.values() else ending
    return halfway.ended(case, undone, ending, case.says(ending) + told)


def _of_the_undo(title: str, fate: Fate) -> str:
    if fate is Fate.MOOT:
        return f" Of “{title}” nothing was there to take back."
    return f" Taken back, {title}: {fate}." if fate is Fate.APPLIED else f" Not taken back, {title}: {fate}."
