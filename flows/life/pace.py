"""Where a recovery is against its clock: which stages are due when, and whether each was done in time.

The clock counts from the moment the incident was opened. That a stage is late is told by whoever tells people
(flows/people/escalate.py), from the record: a step that hangs, or waits for an answer, could not say so itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from flows.case.case import ENGINE, Case, Ending, Fate
from flows.case.stages import ALL, CLOCK, due_stages
from flows.journal import kinds
from flows.run.clock import now
from runbooks.clock import Stage
from runbooks.model import Runbook, Step

DONE = frozenset({Fate.APPLIED, Fate.MOOT})
WELL = frozenset({Ending.FIXED, Ending.RECOVERED})


def start_clock(case: Case, runbook: Runbook) -> None:
    """Record when each stage is due that is called for; once the diagnosis has told which are."""
    if runbook.clock is None or case.log.get(CLOCK):
        return
    began = _began(case)
    stages = list(_stages(case, runbook, began))
    told = ", ".join(f"{stage} by {due:%H:%M}" for stage, due in stages)
    case.log.once(
        CLOCK,
        ENGINE,
        lambda: kinds.Clock(
            stages=[{"stage": stage, "due_at": due.isoformat()} for stage, due in stages],
            says=f"The clock runs since {began:%H:%M} UTC: {told}.",
        ),
    )
    case.say(f"The clock runs since {began:%H:%M} UTC: {told}.")


def look_at_clock(case: Case, runbook: Runbook) -> None:
    """Record each stage whose steps are over by now, whether it was in time, and whether people left some of it out."""
    if runbook.clock is None:
        return
    for stage in runbook.clock.stages:
        fates = [case.fate(step.title) for step in _called(case, runbook, stage)]
        if fates and all(fates):
            _over(case, stage.title, "done" if DONE.issuperset(fates) else "over, and not all of it was done,")


def stop_clock(case: Case, runbook: Runbook, ending: Ending) -> None:
    """Where all is verified, that is the last stage, and the end of it all; otherwise those are late in their time."""
    if runbook.clock is None:
        return
    look_at_clock(case, runbook)
    if ending in WELL:
        for stage in runbook.clock.stages:
            if not stage.steps:
                _over(case, stage.title, "done")
        _over(case, ALL, "done")


def _stages(case: Case, runbook: Runbook, began: datetime) -> Iterator[tuple[str, datetime]]:
    if runbook.clock is None:
        return
    due = began
    for stage in runbook.clock.stages:
        if not stage.steps or _called(case, runbook, stage):
            due += stage.takes
            yield stage.title, due
    yield ALL, began + runbook.clock.within


def _called(case: Case, runbook: Runbook, stage: Stage) -> list[Step]:
    called = case.called()
    return [step for step in runbook.action_steps if type(step.action) in stage.steps and step.when in called]


def _over(case: Case, stage: str, how: str) -> None:
    clock = case.log.get(CLOCK)
    due = dict(due_stages(clock)).get(stage) if clock else None
    key = f"{CLOCK}/{stage}"
    if due is None or case.log.get(key):
        return
    took, late = now() - _began(case), now() - due
    judged = f"{_minutes(late)} late" if late > timedelta(0) else f"{_minutes(-late)} before it was due"
    told = kinds.Stage(
        stage=stage, late=late > timedelta(0), says=f"{stage}: {how} {_minutes(took)} after it began, {judged}."
    )
    case.record(key, told)
    case.say(told.says)


def _began(case: Case) -> datetime:
    return datetime.fromisoformat(case.log.entries[0].at)


def _minutes(length: timedelta) -> str:
    return f"{max(0, round(length.total_seconds() / 60))} min"
