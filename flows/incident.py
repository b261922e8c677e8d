"""The pipeline: open, diagnose, resolve step by step, verify, close.

1. The incident's lock is taken; whoever holds it is the only one that acts and writes.
2. Every stage reads the journal before it does anything, so that a run can die anywhere and be taken up again.
"""

from __future__ import annotations

import getpass
import uuid
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows import settings
from flows.artifacts import publish_findings, publish_report
from flows.case import Case, Ending, Fate, step_key
from flows.diagnose import diagnose, worst
from flows.gate import Asker, local_asker
from flows.journal import HeldElsewhere
from flows.record import plan_from
from flows.report import report
from flows.resolve import Change, instruct, resolve
from flows.suspend import SuspendedRun
from flows.verify import verified, verify
from runbooks.model import Manual, Severity, Step
from tasks.model import Verdict

GOOD = {Ending.FIXED, Ending.RECOVERED, Ending.NOT_REPRODUCED}
STOPS = {Fate.REJECTED, Fate.EXPIRED}


@flow(
    name="incident",
    flow_run_name="{runbook} in {environment}",
    description="Live through one incident: diagnose, propose, wait for approval, apply, verify, record.",
    task_runner=ThreadPoolTaskRunner(max_workers=16),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=True,
)
def incident(runbook: str, environment: str, severity: Severity | None = None, reason: str = "") -> State[Any]:
    """Live through one incident.

    Args:
        runbook: the runbook's slug, for example database/blocked-sessions.
        environment: where, as named in environments.toml.
        severity: P0 now, P1 within an hour, P2 within four, P3 within a day; the runbook's own if left out.
        reason: what made you open it, in your words.
    """
    config = settings.config()
    known = settings.catalog(config)
    catalogued = known.get(runbook)
    place = settings.environment(config, known, environment)
    run = _flow_run()
    journal = settings.journal(place)
    redact = settings.redactor(place)
    logger = get_run_logger()
    try:
        with journal.hold(str(run.id)) as log:
            case = Case(
                incident=str(run.id),
                catalogued=catalogued,
                environment=place,
                journal=journal,
                log=log,
                redact=redact,
                asker=_asker(run),
                # Prefect keeps the log where every holder of its login can read it.
                say=lambda text: logger.info(redact.text(text)),
            )
            _open(case, run, severity, reason)
            ending = live(case)
            return _state(ending, str(case.log.entries[-1].body["says"]))
    except HeldElsewhere as error:
        # Another process lives through this very run: leave its state alone.
        raise Abort(str(error)) from error


def _flow_run() -> Any:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("incident() runs as a Prefect flow only; call the flow, not its function.")
    return context.flow_run


def _asker(run: Any) -> Asker:
    return SuspendedRun(uuid.UUID(str(run.id))) if run.deployment_id else local_asker.get()


def _open(case: Case, run: Any, severity: Severity | None, reason: str) -> None:
    runbook = case.runbook
    # Prefect's open-source server has one shared login: it cannot say who pressed Run.
    actor = "prefect" if run.deployment_id else getpass.getuser()
    case.log.once(
        "opened",
        kind="opened",
        actor=actor,
        make=lambda: {
            "runbook": case.catalogued.slug,
            "version": case.catalogued.version,
            "title": runbook.title,
            "problem": runbook.problem,
            "environment": case.environment.name,
            "severity": (severity or runbook.severity).value,
            "reason": reason,
            "deployment": str(run.deployment_id or ""),
        },
    )


def live(case: Case) -> Ending:
    """From wherever the journal says we are, to the end."""
    closed = case.log.get("closed")
    if closed is None:
        ending, says = _live(case)
        case.record("closed", "closed", {"verdict": ending.value, "says": says})
        publish_report(case.redact.text(report(case.log.entries)))
        return ending
    return Ending(str(closed.body["verdict"]))


def _live(case: Case) -> tuple[Ending, str]:
    findings = diagnose(case)
    publish_findings("findings", findings, case.runbook.title)
    if not case.bad():
        if worst(findings.values()) is Verdict.UNKNOWN:
            return Ending.CANNOT_TELL, "No check found a fault, but not all could look. See what to do in the findings."
        return Ending.NOT_REPRODUCED, "No check found a fault; nothing was done. What was seen is in the findings."
    for part in case.runbook.resolution:
        if part.when in case.bad() and _take(case, part) in STOPS:
            break
    ending = verify(case)
    publish_findings("verification", verified(case), f"Verification: {ending}")
    if ending in (Ending.UNCHANGED, Ending.WORSE):
        _offer_undo(case)
    return ending, _says(case, ending)


def _take(case: Case, part: Step | Manual) -> Fate | None:
    if isinstance(part, Manual):
        instruct(case, part)
        return None
    reason = case.diagnosed()[part.when].says if part.when else part.title
    return resolve(case, Change(title=part.title, action=part.action, reason=reason, when=part.when))


def _offer_undo(case: Case) -> None:
    """Nothing got better: offer to take back what was applied, through the same gate, last one first."""
    for step in reversed(case.runbook.action_steps):
        if case.fate(step) is not Fate.APPLIED:
            continue
        intents = [e for e in case.log.entries if e.key.startswith(f"{step_key(step.title)}/intent/")]
        undo = step.action.undoing(plan_from(intents[-1].body["plan"]))  # type: ignore[arg-type]
        if undo is not None:
            reason = f"“{step.title}” did not help; this takes it back."
            resolve(case, Change(title=f"Take back: {step.title}", action=undo, reason=reason))


def _says(case: Case, ending: Ending) -> str:
    fates = [f"{step.title}: {fate}" for step in case.runbook.action_steps if (fate := case.fate(step))]
    return f"{ending.value.capitalize()}. " + "; ".join(fates or ["no step was called for"]) + "."


def _state(ending: Ending, says: str) -> State[Any]:
    """Green in Prefect only where nobody needs to look."""
    name = "".join(word.capitalize() for word in ending.value.split())
    return Completed(name=name, message=says) if ending in GOOD else Failed(name=name, message=says)
