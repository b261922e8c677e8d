"""Catalog → Prefect deployments. Publishing twice changes nothing; what is no longer declared is removed.

Only deployments that carry our tag are ever removed. A schedule somebody paused in the Prefect UI stays paused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flows.trigger import deployment_name
from runbooks.catalog import Catalog, Catalogued
from runbooks.model import Runbook, Severity
from runbooks.page import page
from tasks.environment import Config, Kind

TAG = "incident-pipelines"
POOL = "incident"
# What begins no heading, list, table, quote or code.
_PROSE = re.compile(r"[^\s#>|`~*+\-\d]")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One deployment as it should be."""

    flow: str
    name: str
    entrypoint: str
    description: str
    parameters: dict[str, Any]
    schema: dict[str, Any]
    tags: tuple[str, ...]
    version: str
    every: timedelta | None = None
    time_zone: str = "UTC"
    active: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True)
class Change:
    """What publishing does to one deployment: create, update or remove."""

    verb: str
    name: str
    fields: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.verb} {self.name}" + (f" ({', '.join(self.fields)})" if self.fields else "")


def wanted(catalog: Catalog, config: Config) -> list[Wanted]:
    """The deployments that the catalog and the environments call for."""
    found: list[Wanted] = []
    for catalogued in catalog:
        match catalogued.runbook:
            case Runbook() as runbook:
                found.append(_runbook(catalogued, runbook, catalog, config))
                found.extend(_watches(catalogued, runbook, config))
        breakable = [name for name in config.names if config.kind(name) is not Kind.PRODUCTION]
        if catalogued.runbook.drills and breakable:
            found.append(_drill(catalogued, breakable))
    return found


def _runbook(catalogued: Catalogued, runbook: Runbook, catalog: Catalog, config: Config) -> Wanted:
    from flows.incident import incident

    severity = runbook.severity
    return Wanted(
        flow="incident",
        name=deployment_name(catalogued.slug).removeprefix("incident/"),
        entrypoint="flows.incident.incident",
        description=_flowing(page(catalogued, catalog)),
        parameters={"runbook": catalogued.slug, "severity": severity.value},
        schema=_with_severity(_form(incident, config.names, runbook=catalogued.slug), severity),
        tags=(TAG, "runbook", catalogued.category),
        version=catalogued.version,
    )


def _flowing(page: str) -> str:
    """The page with each paragraph on one line: the classic interface makes every line a paragraph."""
    lines: list[str] = []
    fenced = False
    for line in page.splitlines():
        fenced ^= line.startswith("```")
        if lines and not fenced and _PROSE.match(line) and _PROSE.match(lines[-1]):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _watches(catalogued: Catalogued, runbook: Runbook, config: Config) -> Iterator[Wanted]:
    from flows.watch import watch

    for declared in runbook.prevention:
        for environment in config.names:
            check = declared.check.name
            yield Wanted(
                flow="watch",
                name=f"{catalogued.slug.replace('/', '.')}.{check}.{environment}",
                entrypoint="flows.watch.watch",
                description=f"{declared.check.question}\n\nA BAD answer opens `{catalogued.slug}` in {environment}.",
                parameters={"runbook": catalogued.slug, "check": check, "environment": environment},
                schema=_form(watch, (environment,), runbook=catalogued.slug, check=check),
                tags=(TAG, "watch", catalogued.category, environment),
                version=catalogued.version,
                every=declared.every,
                time_zone=config.time_zone(environment),
                # A lab is broken on purpose: its drills would open a second incident each.
                active=config.kind(environment) is not Kind.LAB,
            )


def _drill(catalogued: Catalogued, breakable: list[str]) -> Wanted:
    from flows.drill import drill

    faults = "\n".join(f"- {declared.fault.title}" for declared in catalogued.runbook.drills)
    return Wanted(
        flow="drill",
        # Not the runbook's own name: in a list of deployments nobody should break something while meaning to mend it.
        name=f"{catalogued.slug.replace('/', '.')}.drill",
        entrypoint="flows.drill.drill",
        description=f"Rehearses `{catalogued.slug}` on a system that may be broken:\n\n{faults}",
        parameters={"runbook": catalogued.slug},
        schema=_form(drill, breakable, runbook=catalogued.slug),
        tags=(TAG, "drill", catalogued.category),
        version=catalogued.version,
    )


def _form(flow: Any, environments: tuple[str, ...] | list[str], **fixed: str) -> dict[str, Any]:
    """The flow's own parameter schema as a person fills it in: the environments as a drop-down, nothing about `fixed`.

    What is fixed is no field, so that nobody wonders about it; the server still refuses any other value.
    """
    schema = copy.deepcopy(flow.parameters.model_dump(exclude_unset=True))
    asked = {name: field for name, field in schema["properties"].items() if name not in fixed}
    for name, declared in asked.items():
        words = declared.get("description", "")
        declared |= {"title": name.capitalize(), "description": words[:1].upper() + words[1:]}
    asked["environment"] |= {"enum": list(environments)}
    if len(environments) == 1:
        asked["environment"]["default"] = environments[0]
    return {
        **schema,
        "properties": asked,
        "required": [name for name in schema["required"] if name not in fixed],
        # Both interfaces draw `properties` only.
        "allOf": [{"properties": {name: {"const": value} for name, value in fixed.items()}, "required": list(fixed)}],
    }


def _with_severity(schema: dict[str, Any], own: Severity) -> dict[str, Any]:
    """One drop-down with the runbook's own severity chosen, instead of a choice between a severity and none."""
    severity = schema["properties"]["severity"]
    del severity["anyOf"], schema["definitions"]
    severity |= {"type": "string", "enum": [str(level) for level in Severity], "default": str(own)}
    return schema


def publish(catalog: Catalog, config: Config, *, dry_run: bool = False) -> list[Change]:
    """Make the server's deployments what the catalog says; returns what was (or would be) changed.

    Raises:
        httpx.HTTPError: the server does not answer.
    """
    from prefect.client.orchestration import get_client

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
            changes.append(Change("remove", name))
            if not dry_run:
                client.delete_deployment(gone.id)
    return changes


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
    }
    fields = tuple(name for name, (ours, theirs) in compared.items() if ours != theirs)
    return Change("update", want.full_name, fields) if fields else None


def _schedule_key(want: Wanted) -> list[tuple[timedelta, str]]:
    return [(want.every, want.time_zone)] if want.every else []


def _found_key(schedule: Any) -> tuple[timedelta | None, str | None]:
    return getattr(schedule, "interval", None), getattr(schedule, "timezone", None)


def _put(client: Any, want: Wanted, found: Any) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import IntervalSchedule

    active = found.schedules[0].active if found is not None and found.schedules else want.active
    schedules = []
    if want.every:
        every = IntervalSchedule(interval=want.every, timezone=want.time_zone)
        schedules = [DeploymentScheduleCreate(schedule=every, active=active)]
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
    )
