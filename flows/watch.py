"""A check on a schedule; a BAD answer opens its runbook, once. Of missed rounds only the last is made up."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from flows.gate.requester import announce, opening
from flows.journal import AlreadyRecorded, Journal
from flows.life.diagnose import answer
from flows.run import settings
from flows.run.clean import cleaned
from flows.run.clock import now
from flows.run.trigger import trigger
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck, Runbook
from tasks.model import Verdict

# A round that begins in time begins within seconds, and need not ask whether it was missed.
IN_TIME = timedelta(seconds=30)


class NotWatched(Exception):
    """The runbook declares no watch on this check."""


@flow(name="watch", flow_run_name="{check} in {environment}", persist_result=False)
def watch(runbook: str, check: str, environment: str) -> str | State[Any]:
    """Ask one question; open its runbook if the answer is BAD and no incident of it is open there."""
    late = _overtaken()
    if late is not None:
        said = f"Missed by {late.total_seconds():.0f} s; a later round asks the same."
        return Completed(name="Skipped", message=said)
    config = settings.config()
    known = settings.catalog(config)
    asked = _watched(known.get(runbook), check)
    place = settings.environment(config, known, environment)
    journal = settings.journal(place)
    redact = settings.redactor(place)
    before = journal.earlier(place.name, [check]).get(check)
    future = asked.task(place, before, cleaned=lambda: cleaned(redact)).submit()
    finding = answer(asked, future.result(raise_on_failure=False))
    journal.measure(place.name, None, {check: finding})
    said = redact.text(f"{finding.verdict.name}: {finding.says}")
    get_run_logger().info(said)
    if finding.verdict is Verdict.BAD:
        open_once(journal, runbook, environment, said)
    return said


def _overtaken() -> timedelta | None:
    """By how much this round is late, if a later one of the same schedule is due by now: what was, nobody can ask."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterExpectedStartTime,
    )

    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or not run.auto_scheduled or run.deployment_id is None or run.expected_start_time is None:
        return None
    late = now() - run.expected_start_time
    if late < IN_TIME:
        return None
    # Schedules are to the second; this very run is not a later one.
    later: Any = {"after_": run.expected_start_time + timedelta(seconds=1), "before_": now()}
    of_the_same = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        expected_start_time=FlowRunFilterExpectedStartTime(**later),
    )
    with get_client(sync_client=True) as client:
        return late if client.count_flow_runs(flow_run_filter=of_the_same) else None


def _watched(catalogued: Catalogued, check: str) -> AnyCheck:
    prevention = catalogued.runbook.prevention if isinstance(catalogued.runbook, Runbook) else ()
    watched = {declared.check.name: declared.check for declared in prevention}
    if check not in watched:
        raise NotWatched(f"{catalogued.slug} does not watch {check!r}. It watches: {', '.join(watched)}.")
    return watched[check]


def open_once(journal: Journal, runbook: str, environment: str, reason: str) -> str:
    """The incident for this problem: the open one, or a new one. Two watches at once get the same."""
    known = journal.incidents(environment=environment, runbook=runbook, limit=10_000)
    for summary in known:
        if summary.open:
            _note(journal, summary.incident, reason)
            return summary.incident
    key = f"watch:{runbook}:{environment}:{len(known)}"
    asked = announce(journal, "watch", opening(runbook, environment, reason))
    parameters = {"environment": environment, "reason": reason, "requester": asked}
    return str(trigger(runbook, parameters, idempotency_key=key))


def _note(journal: Journal, incident: str, reason: str) -> None:
    key = f"seen-again/{len(journal.read(incident))}"
    with contextlib.suppress(AlreadyRecorded):  # another watch saw the same at this moment
        journal.note(incident, "watch", "seen again", key, {"says": reason})
