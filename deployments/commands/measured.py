"""What the commands about measurements share: a check by its name, its limits in an environment, its incidents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from deployments.commands.context import Here, UnknownEnvironment
from flows.case.case import Ending
from flows.journal import IncidentSummary
from flows.told.asked import Asked, UnknownCheck, all_asked, past
from tasks.environment import Measured
from tasks.toml import InvalidConfig, nearest

# The journal keeps hours for two years.
LONGEST_DAYS = 730


def asked(at: Here, check: str, environment: str) -> Asked:
    """The check of this name in that environment.

    Raises:
        UnknownCheck: no runbook asks it.
        UnknownEnvironment: there is none of this name.
        InvalidConfig: its limits or objectives cannot be used.
    """
    place = measured(at, environment)
    known = all_asked(at.catalog, environment, place)
    if check not in known:
        raise UnknownCheck(f"No runbook asks {check}.{nearest(check, known)} `incident trend` lists what was measured.")
    return known[check]


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
    return (one for one in past(at.journal(), of.environment, since) if one.runbook in of.runbooks)


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
