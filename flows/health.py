"""The pipeline of a checklist: ask everything at once, say what it comes to, then wait for people's signatures.

1. All questions about what is configured are asked; each BAD answer opens the runbooks that watch it, by the one door.
2. What it comes to is recorded and told, before anybody signs anything.
3. What a person signs off waits at the gate, one after the other, until it is due; what nobody signed is recorded so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.case.case import Case, Ending, Fate
from flows.journal import Asked, Entry, Journal, JournalUnavailable
from flows.life.checklist import comes_to
from flows.life.diagnose import AT_ONCE, diagnose
from flows.life.execute import live_through
from flows.opening.door import open_once
from flows.opening.held import paused, quiet_until
from flows.run import settings
from flows.run.clock import now
from flows.run.missed import lateness, overtaken
from flows.run.planned import SKIPPED
from flows.run.trigger import NOT_NOW
from flows.step.by_hand import sign_off
from flows.told.artifacts import publish_charts, publish_checklist
from flows.told.asked import all_asked
from flows.told.curves import pictures
from runbooks.catalog import Catalog, watch_name
from runbooks.checklist import Health
from runbooks.model import AnyCheck, Severity
from tasks.model import Finding, Verdict

# Signing a checklist is no emergency: people are told as of a P3.
URGENCY = Severity.P3.value
ENDINGS = {
    Verdict.OK: Ending.HEALTHY,
    Verdict.WARN: Ending.HEALTHY,
    Verdict.UNKNOWN: Ending.CANNOT_TELL,
    Verdict.BAD: Ending.UNHEALTHY,
}


@flow(
    name="health",
    flow_run_name="{runbook} in {environment}",
    description="Go through one checklist: every question at once, what ran by itself, what people sign off.",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=True,
)
def health(runbook: str, environment: str, reason: str = "", requester: str = "") -> State[Any]:
    """Go through one checklist.

    Args:
        runbook: the checklist's slug, for example health/morning.
        environment: where, as named in environments.toml.
        reason: why now, in your words; the schedule has none.
        requester: who asks, as on the roster, with what proves it; `incident run --as NAME` fills it in.
    """
    if missed := _missed(runbook):
        return Completed(name=SKIPPED, message=missed)
    return live_through(
        Health, runbook, environment, _course, asked_by=requester, reason=reason, severity=lambda _health: URGENCY
    )


def _missed(slug: str) -> str:
    """Why this run of the schedule is of no use any more; empty if it is."""
    late = lateness()
    if late is None or _begun():
        return ""
    if overtaken() is not None:
        return f"Missed by {late.total_seconds():.0f} s; the next one is due already, and asks the same."
    declared = settings.catalog(settings.config()).get(slug).runbook
    if isinstance(declared, Health) and late > declared.cadence.due_for:
        return f"Missed by {late.total_seconds():.0f} s, which is more than it is due for. The next one asks the same."
    return ""


def _begun() -> bool:
    """Was this run begun before? Then it only waited for somebody."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and bool(settings.journal().read(str(run.id)))


def _course(case: Case, declared: Health) -> tuple[Ending, str]:
    kinds_here = case.environment.kinds
    findings = diagnose(case, only=lambda asked: not asked.lacks(kinds_here))
    checked = case.log.get("checked")
    if checked is None:
        known = settings.catalog(settings.config())
        opened = _open(case, known, findings)
        checked = case.record("checked", comes_to(case, declared, findings, opened, known))
    case.say(f"{checked.body['verdict']}: {checked.body['says']}")
    publish_checklist(declared.title, checked.body)
    _draw(case, checked)
    for part in declared.sign_offs:
        sign_off(case, part, f"Part of “{declared.title}”. {checked.body['says']}")
    says = str(checked.body["says"])
    unsigned = [part.title for part in declared.sign_offs if case.fate(part.title) is Fate.EXPIRED]
    if unsigned:
        return Ending.UNSIGNED, f"{says} Nobody signed off: {', '.join(unsigned)}."
    return ENDINGS[Verdict[str(checked.body["verdict"])]], says


def _draw(case: Case, checked: Entry) -> None:
    """Show thirty days of what is not well; a picture that cannot be drawn now holds nobody up."""
    known = all_asked(settings.catalog(settings.config()), case.environment.name, case.environment)
    try:
        drawn = pictures(case.journal, known, checked.body, datetime.fromisoformat(checked.at))
    except JournalUnavailable as error:
        case.say(f"No pictures: {error}")
        return
    publish_charts(f"{case.runbook.title}: thirty days of what is not well", drawn)


def _open(case: Case, known: Catalog, findings: Mapping[AnyCheck, Finding]) -> dict[AnyCheck, str]:
    """Open the runbooks that watch what answered BAD; what was done about each, in words."""
    bad = [asked for asked, finding in findings.items() if finding.verdict is Verdict.BAD]
    return {asked: told for asked in bad if (told := _opened(case, known, asked, findings[asked]))}


def _opened(case: Case, known: Catalog, asked: AnyCheck, finding: Finding) -> str:
    """As its watches would at this moment: not what is paused, and not in quiet hours."""
    place, left_out = case.environment, paused(case.journal, case.environment)
    slugs = [
        slug for slug, watch in known.watches() if watch.check is asked and watch_name(slug, watch) not in left_out
    ]
    reason = f"{case.catalogued.slug}: {finding.says}"
    return " ".join(
        f"{slug} is opened after the quiet hours, {until:%H:%M} UTC."
        if (until := quiet_until(place, known.get(slug).runbook, now()))
        else _open_one(case.journal, slug, place.name, reason)
        for slug in slugs
    )


def _open_one(journal: Journal, slug: str, place: str, reason: str) -> str:
    wanted = Asked(runbook=slug, environment=place, actor="health", reason=reason)
    try:
        return f"{slug} is open: incident {open_once(journal, wanted)[:8]}."
    except NOT_NOW as error:
        # It is recorded that it was asked for, and opened as soon as it can be.
        return f"{slug} is asked for, but could not be opened yet: {error}"
