"""Routing: which runbook an alert opens, in which environment, and why. Rules are data; the most specific one wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flows.opening.alert import Alert
from runbooks.catalog import Catalog
from runbooks.model import Runbook, Severity
from tasks.toml import InvalidConfig

# As many runbooks are named for an alert that none claims.
NEAREST = 3


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


class Rule(BaseModel):
    """Alerts that fit all that is said here open `runbook`. `title` is a regular expression, found anywhere in it.

    `environment` is a condition as the others are; the incident is opened in the environment that its source names.
    With `gather_s`, alerts of one service within so many seconds are one incident, whatever each is about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    runbook: str
    source: str = ""
    name: str = ""
    service: str = ""
    environment: str = ""
    title: Annotated[str, AfterValidator(_pattern)] = ""
    severity: Severity | None = None
    tags: Mapping[str, str] = {}
    gather_s: Annotated[float, Field(ge=0)] = 0.0

    @property
    def conditions(self) -> int:
        """How specific it is."""
        plain = (self.source, self.name, self.service, self.environment, self.title, self.severity)
        return sum(bool(one) for one in plain) + len(self.tags)

    def lacks(self, alert: Alert) -> Iterator[str]:
        """What an alert does not have of what this rule wants, in words."""
        for name in ("source", "name", "service", "environment", "severity"):
            wanted, has = getattr(self, name), getattr(alert, name)
            if wanted and wanted != has:
                yield f"{name} is {str(has or '') or 'not said'}, not {wanted}"
        if self.title and not re.search(self.title, alert.title):
            yield f"the title has no {self.title!r}"
        for tag, value in self.tags.items():
            if alert.tags.get(tag) != value:
                yield f"tag {tag} is {alert.tags.get(tag, 'not there')}, not {value}"

    def __str__(self) -> str:
        said = {**self.model_dump(mode="json", exclude_defaults=True)}
        runbook = said.pop("runbook")
        said.pop("gather_s", None)
        wants = ", ".join(f"{name} = {value!r}" for name, value in said.items()) or "every alert"
        return f"{wants} → {runbook}"


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where an alert goes: `runbook`, empty if nobody claims it, and `why`, a sentence; gathered for `gather_s`."""

    runbook: str
    why: str
    gather_s: float = 0.0


class UnknownTarget(InvalidConfig):
    """A rule names a runbook that there is not."""


def refuse_unknown(rules: Sequence[Rule], catalog: Catalog) -> None:
    """Say it when the service starts, not when the first alert comes.

    Raises:
        UnknownRunbook: no runbook has that slug.
        UnknownTarget: something has, and it is no runbook.
    """
    for rule in rules:
        kind = catalog.get(rule.runbook).runbook.kind
        if kind != Runbook.kind:
            raise UnknownTarget(f"alerts.rules: {rule.runbook} is a {kind}; an alert opens a runbook.")


def route(alert: Alert, rules: Sequence[Rule], catalog: Catalog) -> Route:
    """The most specific rule that fits, of the team's; else the runbook that names the alert among its symptoms."""
    fitting = [rule for rule in rules if not any(rule.lacks(alert))]
    if fitting:
        # The first of those that are alike: `max` keeps the order in which they are written.
        best = max(fitting, key=lambda rule: rule.conditions)
        return Route(runbook=best.runbook, why=f"Rule: {best}", gather_s=best.gather_s)
    named = catalog.for_alert(alert.name)
    if named:
        return Route(runbook=named[0].slug, why=f"Symptom: {named[0].slug} names the alert {alert.name!r}.")
    near = [hit.slug for hit in catalog.search(f"{alert.name} {alert.title}", NEAREST) if hit.kind == Runbook.kind]
    nearest = f" Nearest: {', '.join(near)}." if near else ""
    return Route(runbook="", why=f"No rule fits, and no runbook names it among its symptoms.{nearest}")


def explained(alert: Alert, rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Each rule, and what the alert lacked of it; empty where it fits."""
    return [(str(rule), "; ".join(rule.lacks(alert))) for rule in rules]
