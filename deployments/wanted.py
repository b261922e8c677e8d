"""What the catalog and the environments call for, as Prefect deployments: one for each thing that can be begun."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.run.trigger import deployment_name
from runbooks.catalog import Catalog, Catalogued, watch_name
from runbooks.checklist import Health
from runbooks.model import AnyCheck, Runbook, Severity, Watch
from runbooks.page import page
from runbooks.playbook import Maintenance, Playbook
from runbooks.sections import duration
from tasks.config import Config
from tasks.environment import Kind
from tasks.model import digest

TAG = "incident-pipelines"
# Filled in by programs, with a proof. What a person typed there would prove nothing.
# Its schedules are paused when they are made, and begin when the environment is a lab no more.
OF_A_LAB = "broken-on-purpose"
# Rounds are counted from here, each from another second.
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
FOR_PROGRAMS = ("requester",)
# What begins no heading, list, table, quote or code.
_PROSE = re.compile(r"[^\s#>|`~*+\-\d]")
PAUSING = (
    'Pausing the schedule pauses all of them. One alone: `paused_watches = ["SLUG/CHECK"]` '
    "under its environment in environments.toml."
)


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
    # A schedule is one of these, or there is none.
    every: timedelta | None = None
    anchor: datetime = EPOCH
    cron: str = ""
    time_zone: str = "UTC"

    @property
    def active(self) -> bool:
        """Does its schedule begin at once? A lab's drills would open a second incident each."""
        return OF_A_LAB not in self.tags

    @property
    def full_name(self) -> str:
        return f"{self.flow}/{self.name}"


def wanted(catalog: Catalog, config: Config) -> list[Wanted]:
    """The deployments that the catalog and the environments call for."""
    from flows.health import health
    from flows.maintenance import maintenance

    found: list[Wanted] = []
    for catalogued in catalog:
        match catalogued.runbook:
            case Runbook() as runbook:
                found.append(_runbook(catalogued, runbook, catalog, config))
            case Playbook() as playbook:
                found.append(_playbook(catalogued, playbook, catalog, config))
            case Maintenance():
                found.extend(_scheduled(catalogued, catalog, config, maintenance))
            case Health():
                found.extend(_scheduled(catalogued, catalog, config, health))
        breakable = [name for name in config.names if config.kind(name) is not Kind.PRODUCTION]
        if catalogued.runbook.drills and breakable:
            found.append(_drill(catalogued, breakable))
    found.extend(rounds(catalog, config))
    return found


def _runbook(catalogued: Catalogued, runbook: Runbook, catalog: Catalog, config: Config) -> Wanted:
    from flows.incident import incident

    severity = runbook.severity
    return Wanted(
        flow=runbook.flow,
        name=deployment_name(catalogued.slug).removeprefix(f"{runbook.flow}/"),
        entrypoint="flows.incident.incident",
        description=_flowing(page(catalogued, catalog)),
        parameters={"runbook": catalogued.slug, "severity": severity.value},
        schema=_with_severity(_form(incident, config.names, runbook=catalogued.slug), severity),
        tags=(TAG, "runbook", catalogued.category),
        version=catalogued.version,
    )


def _playbook(catalogued: Catalogued, declared: Playbook, catalog: Catalog, config: Config) -> Wanted:
    from flows.playbook import playbook

    return Wanted(
        flow=declared.flow,
        name=deployment_name(catalogued.slug, Playbook).removeprefix(f"{declared.flow}/"),
        entrypoint="flows.playbook.playbook",
        description=_flowing(page(catalogued, catalog)),
        parameters={"runbook": catalogued.slug},
        schema=_with_parameters(_form(playbook, config.names, runbook=catalogued.slug), declared),
        tags=(TAG, "playbook", catalogued.category),
        version=catalogued.version,
    )


def _scheduled(catalogued: Catalogued, catalog: Catalog, config: Config, lived: Any) -> Iterator[Wanted]:
    """One for each environment that has something of what it is about, by whose clock `lived` goes through it."""
    declared = catalogued.runbook
    described = _flowing(page(catalogued, catalog))
    for environment in config.names:
        if not any(_there(asked, config, environment) for asked in declared.concerns):
            continue
        yield Wanted(
            flow=declared.flow,
            name=deployment_name(catalogued.slug, type(declared), environment).removeprefix(f"{declared.flow}/"),
            entrypoint=f"flows.{declared.flow}.{declared.flow}",
            description=described,
            parameters={"runbook": catalogued.slug, "environment": environment},
            schema=_form(lived, (environment,), runbook=catalogued.slug),
            tags=(TAG, declared.kind, catalogued.category, environment, *_of_a_lab(config, environment)),
            version=catalogued.version,
            cron=declared.cron,
            time_zone=config.time_zone(environment),
        )


def _of_a_lab(config: Config, environment: str) -> tuple[str, ...]:
    return (OF_A_LAB,) if config.kind(environment) is Kind.LAB else ()


def _there(asked: AnyCheck, config: Config, environment: str) -> bool:
    """Has the environment what the question is about? Where that cannot be told, it is asked."""
    kinds = config.kinds(environment)
    return kinds is None or not asked.lacks(kinds)


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


def rounds(catalog: Catalog, config: Config) -> Iterator[Wanted]:
    """Of each environment one for each cadence: what is watched equally often, and is there, is asked by one run."""
    by_cadence: dict[timedelta, list[tuple[str, Watch]]] = defaultdict(list)
    for slug, declared in catalog.watches():
        by_cadence[declared.every].append((slug, declared))
    for every, declarations in sorted(by_cadence.items()):
        for environment in config.names:
            watched = [(slug, one) for slug, one in declarations if _there(one.check, config, environment)]
            if watched:
                yield _round(every, watched, environment, catalog, config)


def _round(
    every: timedelta, watched: Sequence[tuple[str, Watch]], environment: str, catalog: Catalog, config: Config
) -> Wanted:
    from flows.watch import watch

    slugs = sorted({slug for slug, _ in watched})
    every_s = every.total_seconds()
    return Wanted(
        flow="watch",
        name=f"{environment}.every-{duration(every).replace(' ', '-')}",
        entrypoint="flows.watch.watch",
        description=_round_page(every, watched),
        parameters={"environment": environment, "every_s": every_s},
        schema=_form(watch, (environment,), every_s=every_s),
        # By a runbook's slug its watches are found in Prefect.
        tags=(TAG, "watch", environment, *_of_a_lab(config, environment), *slugs),
        version=digest({slug: catalog.get(slug).version for slug in slugs})[:12],
        every=every,
        # Published together they would all begin in the same second, each time.
        anchor=EPOCH + timedelta(seconds=int(digest([environment, every_s]), 16) % every_s),
        time_zone=config.time_zone(environment),
    )


def _round_page(every: timedelta, watched: Sequence[tuple[str, Watch]]) -> str:
    lines = [
        f"- {declared.check.question} BAD opens `{slug}`. (`{watch_name(slug, declared)}`)"
        for slug, declared in watched
    ]
    return "\n".join([f"Asked at once, every {duration(every)}:", "", *lines, "", PAUSING, ""])


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


def _form(flow: Any, environments: tuple[str, ...] | list[str], **fixed: str | float) -> dict[str, Any]:
    """The flow's own parameter schema as a person fills it in: the environments as a drop-down, nothing about `fixed`.

    What is fixed is no field, so that nobody wonders about it; the server still refuses any other value.
    """
    schema = copy.deepcopy(flow.parameters.model_dump(exclude_unset=True))
    asked = {name: field for name, field in schema["properties"].items() if name not in {*fixed, *FOR_PROGRAMS}}
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


def _with_parameters(schema: dict[str, Any], playbook: Playbook) -> dict[str, Any]:
    """What this playbook asks for, each as a field of its own type, instead of any object at all."""
    if not playbook.parameters:
        del schema["properties"]["parameters"]
        return schema
    needed = [parameter.name for parameter in playbook.parameters if parameter.required]
    schema["properties"]["parameters"] = {
        "title": "Parameters",
        "description": "What this playbook asks for.",
        "position": schema["properties"]["parameters"]["position"],
        "type": "object",
        "properties": {p.name: {**p.schema, "position": n} for n, p in enumerate(playbook.parameters)},
        "required": needed,
        "additionalProperties": False,
    }
    if needed:
        schema["required"] = [*schema["required"], "parameters"]
    return schema
