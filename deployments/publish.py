"""Catalog → Prefect deployments. Publishing twice changes nothing; what is no longer declared is removed.

Only deployments that carry our tag are ever removed. A schedule somebody paused in the Prefect UI stays paused, until
its environment becomes a lab, or ceases to be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deployments.timezones import remember_timezones
from deployments.wanted import OF_A_LAB, TAG, Wanted, wanted
from runbooks.catalog import Catalog
from tasks.config import Config

POOL = "incident"
# How often, counted from when, in whose time.
ScheduleKey = tuple[timedelta | str | None, datetime | None, str | None]


@dataclass(frozen=True)
class Change:
    """What publishing does to one deployment: create, update or remove."""

    verb: str
    name: str
    fields: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.verb} {self.name}" + (f" ({', '.join(self.fields)})" if self.fields else "")


def publish(catalog: Catalog, config: Config, *, dry_run: bool = False) -> list[Change]:
    """Make the server's deployments what the catalog says; returns what was (or would be) changed.

    Raises:
        httpx.HTTPError: the server does not answer.
    """
    from prefect.client.orchestration import get_client

    remember_timezones()
    with get_client(sync_client=True) as client:
        existing = dict(_existing(client))
        changes: list[Change] = []
        for want in wanted(catalog, config):
            found = existing.pop(want.full_name, None)
            change = _difference(want, found)
            if change is None:
                continue
            changes.append(change)
            if not dry_run:
                _put(client, want, found)
        for name, gone in existing.items():
            if _of_broken(catalog, gone):
                continue
            changes.append(Change("remove", name))
            if not dry_run:
                client.delete_deployment(gone.id)
    return changes


def _of_broken(catalog: Catalog, deployment: Any) -> bool:
    """Is its runbook one that cannot be used just now? To remove it would end its schedules and its waiting runs."""
    broken = {complaint.slug for complaint in catalog.complaints}
    # Without the team's folder nobody knows what it declares.
    # A round of watches carries the runbooks that it opens as tags.
    return "" in broken or not broken.isdisjoint({deployment.parameters.get("runbook"), *deployment.tags})


def _existing(client: Any) -> Iterator[tuple[str, Any]]:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    flows: dict[Any, str] = {}
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    offset = 0
    while batch := client.read_deployments(deployment_filter=ours, limit=200, offset=offset):
        offset += len(batch)
        for deployment in batch:
            if deployment.flow_id not in flows:
                flows[deployment.flow_id] = client.read_flow(deployment.flow_id).name
            yield f"{flows[deployment.flow_id]}/{deployment.name}", deployment


def _difference(want: Wanted, found: Any) -> Change | None:
    if found is None:
        return Change("create", want.full_name)
    compared = {
        "page": (want.description, found.description),
        "parameters": (want.parameters, found.parameters),
        "form": (want.schema, found.parameter_openapi_schema),
        "tags": (sorted(want.tags), sorted(found.tags)),
        "version": (want.version, found.version),
        "entry point": (want.entrypoint, found.entrypoint),
        "work pool": (POOL, found.work_pool_name),
        "schedule": (_schedule_key(want), [_found_key(s.schedule) for s in found.schedules]),
        # Our worker takes neither; whoever wrote them meant another, and somebody should hear of it.
        "job variables": ({}, found.job_variables or {}),
        "pull steps": ([], found.pull_steps or []),
    }
    fields = tuple(name for name, (ours, theirs) in compared.items() if ours != theirs)
    return Change("update", want.full_name, fields) if fields else None


def _schedule_key(want: Wanted) -> list[ScheduleKey]:
    if want.every:
        return [(want.every, want.anchor, want.time_zone)]
    return [(want.cron, None, want.time_zone)] if want.cron else []


def _found_key(schedule: Any) -> ScheduleKey:
    often = getattr(schedule, "interval", getattr(schedule, "cron", None))
    return often, getattr(schedule, "anchor_date", None), getattr(schedule, "timezone", None)


def _active(want: Wanted, found: Any) -> bool:
    if found is None or not found.schedules:
        return want.active
    was_of_a_lab, is_of_a_lab = OF_A_LAB in found.tags, OF_A_LAB in want.tags
    return want.active if was_of_a_lab is not is_of_a_lab else bool(found.schedules[0].active)


def _put(client: Any, want: Wanted, found: Any) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    active = _active(want, found)
    schedules = []
    if want.every:
        every = IntervalSchedule(interval=want.every, anchor_date=want.anchor, timezone=want.time_zone)
        schedules = [DeploymentScheduleCreate(schedule=every, active=active)]
    if want.cron:
        cron = CronSchedule(cron=want.cron, timezone=want.time_zone)
        schedules = [DeploymentScheduleCreate(schedule=cron, active=active)]
    client.create_deployment(
        flow_id=client.create_flow_from_name(want.flow),
        name=want.name,
        version=want.version,
        schedules=schedules,
        parameters=want.parameters,
        description=want.description,
        work_pool_name=POOL,
        tags=list(want.tags),
        entrypoint=want.entrypoint,
        parameter_openapi_schema=want.schema,
        enforce_parameter_schema=True,
        job_variables={},
        pull_steps=[],
    )
