"""incident run: one runbook, here and now, in this terminal."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated, Any

from cyclopts import Parameter

from deployments.commands.asking import TerminalAsker, said_by, usual_name
from deployments.commands.context import Here, here
from deployments.commands.entries import Narrator
from deployments.commands.terminal import (
    console,
    errors,
    interactive,
    print_json,
    say,
    show_line,
    show_markdown,
    show_verdict,
)
from flows.case.bodies import finding_body, plan_body, plan_from
from flows.case.case import Ending
from flows.case.question import local_asker
from flows.gate.requester import opening
from flows.journal import Redactor, kinds
from flows.life.diagnose import look, worst
from flows.run import settings
from flows.told.show import plan_lines
from runbooks.catalog import Catalogued
from runbooks.checklist import Health
from runbooks.model import AnyCheck, Declared, Manual, Severity, Step
from runbooks.parameter import WrongParameters, filled_in
from runbooks.playbook import Maintenance, Playbook
from tasks.defect import called
from tasks.environment import Environment
from tasks.model import CannotLook, Finding, Row, Verdict


def run(
    slug: str,
    *,
    environment: str,
    severity: Severity | None = None,
    reason: str = "",
    given: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    requester: Annotated[str | None, Parameter(name="--as")] = None,
    plan_only: bool = False,
    json: bool = False,
) -> int:
    """Live through a runbook in this terminal: questions, plan, your approval, the change, the proof.

    A playbook, a maintenance or a checklist as well. Exit code 0 if it ended well and nobody needs to look; with
    --plan-only, if nothing is UNKNOWN or BAD.

    Parameters
    ----------
    slug
        For example database/blocked-sessions. `incident runbooks` lists them.
    environment
        Where, as named in environments.toml; `lab` after `incident lab up`.
    severity
        P0 now, P1 within an hour, P2 within four, P3 within a day. Left out: the runbook's own.
    reason
        What made you run it, for the record.
    given
        What a playbook asks for, as NAME=VALUE; once for each. Never a secret: it is recorded.
    requester
        Who asks for this: your name on the roster. Left out: INCIDENT_APPROVER. Signed if INCIDENT_APPROVER_KEY is set;
        where whoever asks does not approve, it takes one person more without a signature.
    plan_only
        Ask and propose; change nothing, record nothing. Needs no stack.
    json
        With --plan-only: print findings and plans as JSON.
    """
    at = here()
    catalogued = at.catalog.get(slug)
    values = filled_in(catalogued.runbook.parameters, _pairs(given))
    place = at.environment(environment)
    if severity and not catalogued.runbook.urgency:
        errors.print(f"{slug} is a {catalogued.runbook.kind}: planned work has no severity. Leave out --severity.")
        return 2
    if requester is not None and requester not in place.approvers:
        errors.print(f"{requester} is not on the roster of {environment}. See: incident approvers list {environment}")
        return 2
    if plan_only:
        return _propose(catalogued, place, values, json)
    if json:
        errors.print("--json goes with --plan-only. For a run's record use `incident timeline ID --json`.")
        return 2
    if not interactive():
        errors.print("There is no terminal to approve in. Add --plan-only, or run the deployment in Prefect.")
        return 2
    at.require_stack()
    asked = said_by(requester or usual_name() or "", opening(slug, environment, reason, values))
    return _live(at, catalogued, place, severity, {"reason": reason, "requester": asked}, values)


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, each name once.

    Raises:
        WrongParameters: one is not written so.
    """
    pairs: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or name in pairs:
            raise WrongParameters(f"--set {one}: write NAME=VALUE, and each name once.")
        pairs[name] = value
    return pairs


def _flow(declared: Declared, severity: Severity | None, values: Row) -> tuple[Any, dict[str, Any]]:
    """What lives through this kind, and what it takes besides place and reason."""
    from flows.health import health
    from flows.incident import incident
    from flows.maintenance import maintenance
    from flows.playbook import playbook

    match declared:
        case Playbook():
            return playbook, {"parameters": dict(values)}
        case Maintenance():
            return maintenance, {}
        case Health():
            return health, {}
        case _:
            return incident, {"severity": severity}


def _live(
    at: Here,
    catalogued: Catalogued,
    place: Environment,
    severity: Severity | None,
    why: dict[str, str],
    values: Row,
) -> int:
    from prefect._internal.result_records import ResultRecord

    from flows.life.execute import GOOD

    narrator = Narrator(at.journal(place))
    local_asker.set(TerminalAsker(narrator, place))
    lived, more = _flow(catalogued.runbook, severity, values)
    flow = lived.with_options(on_running=[lambda _flow, run, _state: narrator.begin(str(run.id))])
    try:
        state = flow(catalogued.slug, place.name, return_state=True, **why, **more)
    except KeyboardInterrupt:
        _left(narrator.incident)
        raise
    finally:
        narrator.end()
    if narrator.incident:
        narrator.catch_up()
    closed = next((entry for entry in narrator.shown if entry.is_a(kinds.Closed)), None)
    if closed is None:
        # What broke it off; the command line has words for what a person can mend. Of a state that Prefect made up the
        # result would be unpickled from wherever that state says.
        if isinstance(state.data, ResultRecord):
            state.result()
        errors.print(f"Prefect ended the run ({state.name}) before it was closed.")
        return 1
    say(f"Post-mortem draft: incident timeline {narrator.incident[:8]} --post-mortem")
    return 0 if Ending(str(closed.body["verdict"])) in GOOD else 1


def _left(incident: str) -> None:
    if incident:
        errors.print(
            f"\nYou left incident {incident[:8]}: nothing more is done. The recoverer closes it as abandoned in "
            f"a few seconds. What was done until here: incident timeline {incident[:8]}"
        )


def _propose(catalogued: Catalogued, place: Environment, values: Row, json: bool) -> int:
    # Not from the record, and yet on screens and in scripts' logs.
    redact = settings.redactor(place)
    lacking: set[tuple[str, ...]] = set()

    def heard(asked: AnyCheck, finding: Finding) -> None:
        lacks = asked.lacks(place.kinds)
        # What the environment does not have is said once, however many questions would ask it.
        said_before = bool(lacks) and lacks in lacking
        lacking.add(lacks)
        if not json and not said_before:
            show_verdict(finding.verdict, redact.text(finding.says), redact.text(finding.remedy))

    found = look(catalogued.runbook, place, heard, values)
    called = {name for name, finding in found.items() if finding.verdict in catalogued.runbook.calls}
    at_once = catalogued.runbook.at_once
    called_for = [p for p in catalogued.runbook.parts if p.when is None or p.when.name in called or p in at_once]
    plans = {part.title: _plan(part, place, values, redact, json) for part in called_for if isinstance(part, Step)}
    if json:
        findings = {name: finding_body(finding) for name, finding in found.items()}
        told = {"runbook": catalogued.slug, "environment": place.name, "findings": findings, "plans": plans}
        print_json(redact.body(told))
    elif not called_for:
        console.print("No step is called for.")
    else:
        for part in called_for:
            if isinstance(part, Manual):
                show_line("manual", part.title)
        filled = "".join(f" --set {name}={value}" for name, value in values.items())
        say(f"Nothing was changed. To go through it: incident run {catalogued.slug} --environment {place.name}{filled}")
    return 0 if worst(found.values()) < Verdict.UNKNOWN else 1


def _plan(step: Step, place: Environment, values: Row, redact: Redactor, json: bool) -> Row:
    try:
        ask = step.action.plan
        limits = place.limits(step.when.name, ask) if step.when else {}
        taken = inspect.signature(ask).parameters
        filled = {name: value for name, value in values.items() if name in taken}
        plan = called(ask, **place.supply(ask), **limits, **filled)
        if step.at_once and step.action.mandate:
            step.action.mandate.refuse_beyond(dataclasses.replace(plan, people=step.action.people(plan)))
    except CannotLook as error:
        if not json:
            show_verdict(Verdict.UNKNOWN, redact.text(f"{step.title}: {error.says}"), redact.text(error.remedy))
        return {"error": error.says, "remedy": error.remedy}
    if not json:
        console.print()
        shown = plan_from(redact.body(plan_body(plan)))  # type: ignore[arg-type]  # an object stays an object
        lines = plan_lines(shown, "add `--json`") if shown.commands else [shown.does]
        show_markdown("\n".join([f"## {step.title}", "", *lines]))
        console.print()
    return plan_body(plan)
