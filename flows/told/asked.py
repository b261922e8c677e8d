"""What is known of a check in an environment: its limits there, the runbooks that ask it, and its incidents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flows.journal import IncidentSummary, Journal
from flows.journal.series import Series
from flows.told.chart import Span
from runbooks.catalog import Catalog
from runbooks.checklist import Health
from runbooks.model import AnyCheck
from tasks.environment import Measured
from tasks.model import Threshold
from tasks.toml import InvalidConfig, nearest


class UnknownCheck(InvalidConfig):
    """No runbook asks a check of this name, or it has no limit of that one."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A check in an environment, and the runbooks that ask it. Needs none of the environment's secrets."""

    check: AnyCheck
    environment: str
    place: Measured
    runbooks: frozenset[str]

    def series(self, fact: str = "") -> Series:
        return Series(environment=self.environment, check=self.check.name, fact=fact)

    @property
    def limits(self) -> dict[str, Threshold]:
        """As they are there now, by name."""
        return {**self.check.thresholds, **self.place.thresholds.get(self.check.name, {})}

    @property
    def drawn_limit(self) -> Threshold | None:
        """The one that a picture shows: of several nobody knows which one judges the number."""
        limits = list(self.limits.values())
        return limits[0] if len(limits) == 1 else None

    def limit(self, name: str | None) -> tuple[str, Threshold]:
        """The limit `name`; without a name, the only one there is.

        Raises:
            UnknownCheck: there is none of this name, or none at all, or several of which none was named.
        """
        limits = self.limits
        if name is None and len(limits) == 1:
            return next(iter(limits.items()))
        if name in limits:
            return name, limits[name]
        if not limits:
            raise UnknownCheck(f"{self.check.name} judges by no limit.")
        listed = ", ".join(limits)
        if name is None:
            raise UnknownCheck(f"{self.check.name} judges by several limits: {listed}. Name one by --limit.")
        raise UnknownCheck(f"{self.check.name} has no limit {name!r}.{nearest(name, limits)} It judges by: {listed}.")


def all_asked(catalog: Catalog, environment: str, place: Measured) -> dict[str, Asked]:
    """Every check that a runbook asks, by its name."""
    known = {one.name: one for entry in catalog for one in entry.runbook.checks}
    runbooks: dict[str, set[str]] = {name: set() for name in known}
    for entry in catalog:
        # A checklist asks every morning, whether anything is wrong or not: that it ran is no incident of the check's.
        for one in () if isinstance(entry.runbook, Health) else entry.runbook.checks:
            runbooks[one.name].add(entry.slug)
    return {
        name: Asked(check=one, environment=environment, place=place, runbooks=frozenset(runbooks[name]))
        for name, one in known.items()
    }


def past(journal: Journal, environment: str, since: datetime) -> Iterator[IncidentSummary]:
    """The incidents there that were not over before `since`, the newest first."""
    for one in journal.incidents(environment=environment, limit=10_000):
        if one.open or moment(one.closed_at) >= since:
            yield one


def spans(incidents: Iterable[IncidentSummary]) -> list[Span]:
    """The same as a picture marks them."""
    return [
        Span(
            opened=moment(one.opened_at),
            closed=None if one.open else moment(one.closed_at),
            name=f"{one.severity} {one.incident[:8]}".strip(),
        )
        for one in incidents
    ]


def moment(at: str) -> datetime:
    """As the journal writes it."""
    return datetime.fromisoformat(at)
