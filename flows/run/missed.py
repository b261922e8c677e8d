"""Is a run of a schedule too late? What ought to have been asked at another time, nobody can ask any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.context import FlowRunContext

from flows.run.clock import now

# What begins in time begins within seconds, and need not ask whether it was missed.
IN_TIME = timedelta(seconds=30)


def lateness() -> timedelta | None:
    """By how much this run began later than its schedule said; None if it is in time, or nobody scheduled it."""
    run = _scheduled()
    late = now() - run.expected_start_time if run is not None else timedelta(0)
    return late if late >= IN_TIME else None


def overtaken() -> timedelta | None:
    """By how much this run is late, if a later one of the same schedule is due by now."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterExpectedStartTime,
    )

    late, run = lateness(), _scheduled()
    if late is None or run is None:
        return None
    # Schedules are to the second; this very run is not a later one.
    later: Any = {"after_": run.expected_start_time + timedelta(seconds=1), "before_": now()}
    of_the_same = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        expected_start_time=FlowRunFilterExpectedStartTime(**later),
    )
    with get_client(sync_client=True) as client:
        return late if client.count_flow_runs(flow_run_filter=of_the_same) else None


def _scheduled() -> Any:
    """This run, if a schedule made it."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or not run.auto_scheduled or run.deployment_id is None or run.expected_start_time is None:
        return None
    return run
