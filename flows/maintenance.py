"""The pipeline of a maintenance: is the window open, what is due, do it within the window, did it help.

1. The opening of the window is recorded once; a run that is taken up again is bound by it, not by the next one.
2. A run of the schedule outside the window does nothing. One begun by hand there asks a person about every step.
3. Of two runs in one place the later one steps back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.case.case import ENGINE, Case, Ending, Fate
from flows.case.standing import standing
from flows.journal import kinds
from flows.life.diagnose import AT_ONCE, diagnose, worst
from flows.life.execute import live_through
from flows.life.verify import closing, verified, verify
from flows.playbook import not_ready
from flows.step import halfway
from flows.step.act import Change
from flows.step.by_hand import instruct
from flows.step.resolve import resolve
from flows.step.undo import offer_undo
from flows.told.artifacts import publish_findings
from runbooks.model import AnyCheck, Manual, Part
from runbooks.playbook import Maintenance
from runbooks.window import Opening
from tasks import deadline
from tasks.model import Finding, Verdict

# In the night in which the clock is put forward, Prefect's cron is early by as much as the clock jumps.
EARLY = timedelta(hours=1)
# A person's no, or the window's end, is for all that is left; a step that failed or waits is not the others' affair.
STOPS = {Fate.REJECTED, Fate.CUT_SHORT}
TRIED = {Fate.APPLIED, Fate.FAILED, Fate.CUT_SHORT}


@flow(
    name="maintenance",
    flow_run_name="{runbook} in {environment}",
    description="Do what is due, within the window: look, plan, approve by declaration or by a person, apply, verify.",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=True,
)
def maintenance(runbook: str, environment: str, reason: str = "", requester: str = "") -> State[Any]:
    """Do what is due.

    Args:
        runbook: the maintenance's slug, for example maintenance/database.
        environment: where, as named in environments.toml.
        reason: why now, in your words; the schedule has none.
        requester: who asks, as on the roster, with what proves it; `incident run --as NAME` fills it in.
    """
    return live_through(Maintenance, runbook, environment, _course, asked_by=requester, reason=reason)


def _course(case: Case, maintenance: Maintenance) -> tuple[Ending, str]:
    if (other := _under_way(case)) is not None:
        return Ending.UNDER_WAY, f"Incident {other[:8]} does this already; nothing was done here."
    opening = _opening(case, maintenance)
    if opening is None and case.log.entries[0].body["scheduled"]:
        return Ending.MISSED, (
            f"The schedule began this outside its window ({maintenance.window}, {case.environment.time_zone}), so "
            "nothing was done. Was the worker down? What is due is done in the next window, or begun by hand."
        )
    if opening is None:
        return _within(case, maintenance)
    declared = case.catalogued
    bound = standing(maintenance, declared.slug, declared.version, case.environment, opening)
    with deadline.until(bound.ends):
        return _within(dataclasses.replace(case, standing=bound), maintenance)


def _under_way(case: Case) -> str | None:
    """Another run of the same in the same place that was opened before this one. Both are on record when they look."""
    slug, place = case.catalogued.slug, case.environment.name
    found = case.journal.incidents(open_only=True, environment=place, runbook=slug, limit=1000)
    own = case.log.entries[0]
    earlier = [s for s in found if (s.opened_at, s.incident) < (own.at, own.incident)]
    return earlier[-1].incident if earlier else None


def _opening(case: Case, maintenance: Maintenance) -> Opening | None:
    """The opening of the window this run belongs to, as recorded when it began."""
    entry = case.log.get("window")
    if entry is None:
        opening = _open_now(case, maintenance)
        ends = f"closes {opening.ends:%Y-%m-%d %H:%M} UTC" if opening else "is closed"
        says = f"The window ({maintenance.window}, {case.environment.time_zone}) {ends}."
        moments = [opening.begins.isoformat(), opening.ends.isoformat()] if opening else []
        entry = case.log.once("window", ENGINE, lambda: kinds.Window(says=says, opening=moments))
    recorded: Any = entry.body["opening"]
    if not recorded:
        return None
    return Opening(begins=datetime.fromisoformat(recorded[0]), ends=datetime.fromisoformat(recorded[1]))


def _open_now(case: Case, maintenance: Maintenance) -> Opening | None:
    window, zone = maintenance.window, case.environment.time_zone
    opens = window.opens_after(deadline.now(), zone)
    scheduled = bool(case.log.entries[0].body["scheduled"])
    if scheduled and opens and window.open_at(deadline.now(), zone) is None and opens - deadline.now() <= EARLY:
        case.say(f"The window opens at {opens:%H:%M} UTC; waiting for it.")
        while deadline.now() < opens:
            sleep(min(10.0, (opens - deadline.now()).total_seconds()))
    return window.open_at(deadline.now(), zone)


def _within(case: Case, maintenance: Maintenance) -> tuple[Ending, str]:
    findings = diagnose(case)
    publish_findings("findings", findings, maintenance.title)
    unready = not_ready(maintenance.prerequisites, findings)
    if unready:
        return Ending.NOT_READY, unready
    due = [part for part in maintenance.steps if part.when is None or part.when in case.called()]
    for part in due:
        if _take(case, maintenance, part) in STOPS:
            break
    ending = _ending(case, maintenance, findings)
    publish_findings("verification", verified(case), f"Verification: {ending}")
    over = case.standing is not None and case.standing.over
    undone = offer_undo(case) if ending in (Ending.UNSUCCESSFUL, Ending.WORSE) and not over else {}
    return halfway.ended(case, undone, ending, closing(case, ending))


def _take(case: Case, maintenance: Maintenance, part: Part) -> Fate | None:
    if isinstance(part, Manual):
        instruct(case, part)
        return None
    reason = case.diagnosed()[part.when].says if part.when else f"Part of “{maintenance.title}”."
    return resolve(
        case,
        Change(
            title=part.title,
            action=part.action,
            reason=reason,
            when=part.when,
            guards=maintenance.prerequisites,
            unattended=case.standing is not None,
        ),
    )


def _ending(case: Case, maintenance: Maintenance, findings: Mapping[AnyCheck, Finding]) -> Ending:
    if not case.fates() & TRIED:
        return _nothing_done(case, maintenance, findings)
    must = [p.when for p in maintenance.steps if p.when in case.called() and p.when and case.fate(p.title) in TRIED]
    return verify(case, must, maintenance.diagnosis, lambda found: _judge(case, found, must), wait=bool(must))


def _nothing_done(case: Case, maintenance: Maintenance, findings: Mapping[AnyCheck, Finding]) -> Ending:
    if case.fates() - {Fate.MOOT}:
        return Ending.UNCHANGED
    unseen = any(findings[asked].verdict is Verdict.UNKNOWN for asked in maintenance.diagnosis)
    return Ending.CANNOT_TELL if unseen else Ending.NOTHING_TO_DO


def _judge(case: Case, found: Mapping[AnyCheck, Finding], must: list[AnyCheck]) -> Ending:
    before = case.diagnosed()
    if any(f.verdict is Verdict.BAD and before[asked].verdict is not Verdict.BAD for asked, f in found.items()):
        return Ending.WORSE
    if Fate.CUT_SHORT in case.fates():
        return Ending.CUT_SHORT
    verdict = worst(found[asked] for asked in must) if must else Verdict.OK
    if Fate.FAILED in case.fates() or verdict in (Verdict.BAD, Verdict.WARN):
        return Ending.UNSUCCESSFUL
    return Ending.DONE if verdict is Verdict.OK else Ending.CANNOT_TELL
