"""What Prefect has planned: our deployments, their runs that wait for a worker, and when each begins next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from flows.run.clock import now

# What waits for something else than a worker.
WAITS_ELSEWHERE = ["AwaitingConcurrencySlot"]
# The state's name of a run that came too late.
SKIPPED = "Skipped"
# So many runs are named at once, whatever is asked for (Prefect's own limit).
AT_ONCE = 200


def deployments(client: Any, tag: str, **more: Any) -> list[Any]:
    """All that carry this tag."""
    found: list[Any] = []
    while batch := client.read_deployments(deployment_filter=tagged(tag), limit=AT_ONCE, offset=len(found), **more):
        found.extend(batch)
    return found


def tagged(tag: str) -> Any:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    return DeploymentFilter(tags=DeploymentFilterTags(all_=[tag]))


def waiting(*, before: datetime | None = None, after: datetime | None = None) -> Any:
    """Runs that begin before, or after, that moment, as far as they wait for a worker only."""
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterNextScheduledStartTime,
        FlowRunFilterState,
        FlowRunFilterStateName,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    return FlowRunFilter(
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]),
            name=FlowRunFilterStateName(not_any_=WAITS_ELSEWHERE),
        ),
        next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=before, after_=after),  # type: ignore[arg-type]
    )


def soonest_first() -> Any:
    from prefect.client.schemas.sorting import FlowRunSort

    return FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC


def next_runs(client: Any, wanted: Iterable[UUID]) -> dict[UUID, datetime]:
    """When each of these deployments begins next; those of which no run is planned are left out."""
    left = set(wanted)
    found: dict[UUID, datetime] = {}
    # What comes often fills a whole answer; then the others are asked for again, and are few.
    while left:
        runs = client.read_flow_runs(
            deployment_filter=_of(left), flow_run_filter=waiting(after=now()), sort=soonest_first(), limit=AT_ONCE
        )
        for run in runs:
            found.setdefault(run.deployment_id, run.next_scheduled_start_time)
        if not runs:
            break
        left -= found.keys()
    return found


def skipped(client: Any, environment: str, since: datetime) -> int:
    """How many runs that schedules of this environment began since then came too late to be of use."""
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateName,
        FlowRunFilterTags,
    )

    wanted = FlowRunFilter(
        # A run has its deployment's tags, and those of an environment name it.
        tags=FlowRunFilterTags(all_=[environment]),
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[SKIPPED])),
        expected_start_time=FlowRunFilterExpectedStartTime(after_=since),  # type: ignore[arg-type]
    )
    return int(client.count_flow_runs(flow_run_filter=wanted))


def _of(wanted: Iterable[UUID]) -> Any:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    return DeploymentFilter(id=DeploymentFilterId(any_=list(wanted)))
