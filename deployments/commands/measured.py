"""What the commands about measurements share: a check by its name, its limits in an environment, its incidents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments.commands.context import Here, UnknownEnvironment
from flows.case.case import Ending
from flows.journal import IncidentSummary
from flows.journal.series import Series
from runbooks.model import AnyCheck
from tasks.environment import Measured
from tasks.model import Threshold
from tasks.toml import InvalidConfig, nearest

# The journal keeps hours for two years.
LONGEST_DAYS = 730


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


def asked(at: Here, check: str, environment: str) -> Asked:
    """The check of this name in that environment.

    Raises:
        UnknownCheck: no runbook asks it.
        UnknownEnvironment: there is none of this name.
        InvalidConfig: its limits or objectives cannot be used.
    """
    place = measured(at, environment)
    known = {one.name: one for entry in at.catalog for one in entry.runbook.checks}
    if check not in known:
        raise UnknownCheck(f"No runbook asks {check}.{nearest(check, known)} `incident trend` lists what was measured.")
    runbooks = frozenset(entry.slug for entry in at.catalog if known[check] in entry.runbook.checks)
    return Asked(check=known[check], environment=environment, place=place, runbooks=runbooks)


def measured(at: Here, environment: str) -> Measured:
    """The limits and objectives of an environment.

    Raises:
        UnknownEnvironment: there is none of this name.
        InvalidConfig: they cannot be used.
    """
    try:
        return at.config.measured(environment)
    except InvalidConfig as error:
        if environment in at.config.names:
            raise
        raise UnknownEnvironment(str(error)) from None


def incidents(at: Here, of: Asked, since: datetime) -> Iterator[IncidentSummary]:
    """The incidents of its runbooks there that were not over before `since`, the newest first."""
    for one in at.journal().incidents(environment=of.environment, limit=10_000):
        if one.runbook in of.runbooks and (one.open or moment(one.closed_at) >= since):
            yield one


def moment(at: str) -> datetime:
    """As the journal writes it."""
    return datetime.fromisoformat(at)


def was_real(one: IncidentSummary) -> bool:
    """Was the fault there? What is open still may be it."""
    return one.verdict != Ending.NOT_REPRODUCED


def since(now: datetime, days: int) -> datetime:
    """So many days ago.

    Raises:
        UnknownCheck: fewer than one, or more than are kept.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise UnknownCheck(f"--days {days}: write a number from 1 to {LONGEST_DAYS}; no more is kept.")
    return now - timedelta(days=days)
