"""The pipeline of a runbook: diagnose, resolve step by step, verify.

What a runbook declares to be done at once is asked for first of all: no question, and no system that is slow to answer
one, stands between whoever opened it and the gate. The diagnosis comes after it, and tells whether it worked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.case.case import Case, Ending, Fate
from flows.life.chain import first_broken
from flows.life.diagnose import AT_ONCE, diagnose
from flows.life.execute import live_through
from flows.life.pace import look_at_clock, start_clock, stop_clock
from flows.life.unseen import nothing_found
from flows.life.verify import closing, verified, verify
from flows.step import halfway
from flows.step.act import Change
from flows.step.by_hand import instruct, mend_by_hand, nothing_else_helps
from flows.step.follow import follow, left_to_the_other
from flows.step.resolve import resolve
from flows.step.undo import offer_undo
from flows.told.artifacts import publish_findings
from runbooks.model import AnyCheck, Manual, Part, Runbook, Severity, Step
from tasks.model import Finding, Verdict

STOPS = {Fate.REJECTED, Fate.EXPIRED}


@flow(
    name="incident",
    flow_run_name="{runbook} in {environment}",
    description="Live through one incident: diagnose, propose, wait for approval, apply, verify, record.",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=True,
)
def incident(
    runbook: str, environment: str, severity: Severity | None = None, reason: str = "", requester: str = ""
) -> State[Any]:
    """Live through one incident.

    Args:
        runbook: the runbook's slug, for example database/blocked-sessions.
        environment: where, as named in environments.toml.
        severity: P0 now, P1 within an hour, P2 within four, P3 within a day; the runbook's own if left out.
        reason: what made you open it, in your words.
        requester: who asks, as on the roster, with what proves it; `incident run --as NAME` fills it in.
    """

    def urgency(declared: Runbook) -> str:
        return (severity or declared.severity).value

    return live_through(Runbook, runbook, environment, _course, asked_by=requester, reason=reason, severity=urgency)


def _course(case: Case, runbook: Runbook) -> tuple[Ending, str]:
    for step in runbook.at_once:
        _take_at_once(case, step)
    findings = diagnose(case)
    publish_findings("findings", findings, runbook.title)
    if not case.called():
        ending, says = nothing_found(findings, case.environment)
        return ending, f"{says} {first_broken(runbook, findings, case.environment)}".strip()
    start_clock(case, runbook)
    # An emergency has begun already, and waits for nobody.
    if runbook.at_once or follow(case):
        _mend(case, runbook)
    # All are asked, and count; only what somebody does something about is waited for.
    waited_for = [asked for asked in case.called() if not _declined(case, runbook, asked)]
    ending = verify(
        case, waited_for, runbook.diagnosis, lambda found: _judge(case, found), wait=_something_happened(case)
    )
    stop_clock(case, runbook, ending)
    found = verified(case)
    publish_findings("verification", found, f"Verification: {ending}")
    if ending not in (Ending.UNCHANGED, Ending.WORSE):
        return ending, closing(case, ending)
    well = {asked for asked, finding in found.items() if finding.verdict is Verdict.OK}
    undone = offer_undo(case, helped=well if ending is Ending.UNCHANGED else ())
    return halfway.ended(case, undone, ending, closing(case, ending))


def _mend(case: Case, runbook: Runbook) -> None:
    for part in runbook.resolution:
        if part.when in case.called() and _take(case, runbook, part) in STOPS:
            break
        look_at_clock(case, runbook)
    if nothing_else_helps(case):
        mend_by_hand(case)


def _take_at_once(case: Case, step: Step) -> None:
    """What became of it is read from the record, in its turn among the others.

    Whoever is asked sees why it was opened: a watch or an alert knows more than nothing.
    """
    mandate, opened = step.action.mandate, case.log.get("opened")
    why = str(opened.body["reason"]) if opened else ""
    said = " ".join(filter(None, (why, "Asked before anything was looked at.", mandate.may if mandate else "")))
    resolve(case, Change(title=step.title, action=step.action, reason=said, when=step.when, mandate=mandate))


def _take(case: Case, runbook: Runbook, part: Part) -> Fate | None:
    if isinstance(part, Manual):
        instruct(case, part)
        return None
    found = case.diagnosed()
    reason = found[part.when].says if part.when else part.title
    first = first_broken(runbook, found, case.environment)
    # Its own finding is not said twice.
    reason = first if reason in first else f"{reason} {first}".strip()
    return resolve(case, Change(title=part.title, action=part.action, reason=reason, when=part.when))


def _declined(case: Case, runbook: Runbook, asked: AnyCheck) -> bool:
    """Did people say no to every step that this check calls for, or stop before it was proposed?"""
    fates = {case.fate(step.title) for step in runbook.action_steps if step.when is asked}
    return bool(fates) and fates <= {Fate.REJECTED, Fate.SKIPPED, Fate.EXPIRED, None}


def _something_happened(case: Case) -> bool:
    """Is there a change to wait for? Moot steps alone, or none, mean that it recovered, or may have."""
    if left_to_the_other(case):
        return False
    fates = case.fates()
    return bool(fates & {Fate.APPLIED, Fate.FAILED}) or fates <= {Fate.MOOT}


def _judge(case: Case, found: Mapping[AnyCheck, Finding]) -> Ending:
    verdicts = {asked: finding.verdict for asked, finding in found.items()}
    if any(verdicts[asked] is Verdict.BAD for asked in verdicts if asked not in case.called()):
        return Ending.WORSE
    of_fault = {verdicts[asked] for asked in case.called()}
    if of_fault == {Verdict.OK}:
        return Ending.FIXED if Fate.APPLIED in case.fates() else Ending.RECOVERED
    return Ending.CANNOT_TELL if Verdict.UNKNOWN in of_fault and Verdict.BAD not in of_fault else Ending.UNCHANGED
