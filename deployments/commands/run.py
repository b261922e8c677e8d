"""incident run: one runbook, here and now, in this terminal."""

from __future__ import annotations

from deployments.commands.context import here
from deployments.commands.terminal import (
    TerminalAsker,
    console,
    errors,
    interactive,
    print_json,
    show_markdown,
    show_verdict,
)
from flows.diagnose import look, worst
from flows.gate import local_asker
from flows.record import finding_body, plan_body
from flows.show import plan_lines
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck, Severity, Step
from tasks.environment import Environment
from tasks.model import CannotLook, Finding, Verdict


def run(
    slug: str,
    *,
    environment: str,
    severity: Severity | None = None,
    reason: str = "",
    plan_only: bool = False,
    json: bool = False,
) -> int:
    """Live through a runbook in this terminal: questions, plan, your approval, the change, the proof.

    Parameters
    ----------
    slug
        For example database/blocked-sessions.
    environment
        Where, as named in environments.toml.
    severity
        P0 now, P1 within an hour, P2 within four, P3 within a day. The runbook's own if left out.
    reason
        What made you run it, for the record.
    plan_only
        Ask and propose; change nothing, record nothing. Needs no stack.
    json
        With --plan-only: print findings and plans as JSON.
    """
    at = here()
    catalogued = at.catalog.get(slug)
    place = at.config.environment(environment)
    if plan_only:
        return _propose(catalogued, place, json)
    if json:
        errors.print("--json goes with --plan-only. For a run's record use `incident timeline ID --json`.")
        return 2
    if not interactive():
        errors.print("There is no terminal to approve in. Add --plan-only, or trigger the deployment in Prefect.")
        return 2
    at.require_stack()
    local_asker.set(TerminalAsker())
    from flows.case import Ending
    from flows.incident import GOOD, incident

    state = incident(slug, environment, severity=severity, reason=reason, return_state=True)
    name = state.name or ""
    console.print(f"{name}: {state.message}")
    return 0 if name in {"".join(w.capitalize() for w in Ending(e).value.split()) for e in GOOD} else 1


def _propose(catalogued: Catalogued, place: Environment, json: bool) -> int:
    def heard(_asked: AnyCheck, finding: Finding) -> None:
        if not json:
            show_verdict(finding.verdict, finding.says, finding.remedy)

    found = look(catalogued.runbook, place, heard)
    plans: dict[str, object] = {}
    for part in catalogued.runbook.resolution:
        if isinstance(part, Step) and found[part.when.name].verdict is Verdict.BAD:
            plans[part.title] = _plan(part, place, json)
    if json:
        findings = {name: finding_body(finding) for name, finding in found.items()}
        print_json({"runbook": catalogued.slug, "environment": place.name, "findings": findings, "plans": plans})
    elif not plans:
        console.print("No step is called for.")
    return 0 if worst(found.values()) < Verdict.UNKNOWN else 1


def _plan(step: Step, place: Environment, json: bool) -> object:
    try:
        ask = step.action.plan
        plan = ask(**place.supply(ask), **place.limits(step.when.name, ask))
    except CannotLook as error:
        if not json:
            show_verdict(Verdict.UNKNOWN, f"{step.title}: {error.says}", error.remedy)
        return {"error": error.says, "remedy": error.remedy}
    if not json:
        console.print()
        lines = plan_lines(plan) if plan.commands else [plan.does]
        show_markdown("\n".join([f"**{step.title}**", "", *lines]))
    return plan_body(plan)
