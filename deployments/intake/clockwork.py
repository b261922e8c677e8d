"""How the schedules do, told to whoever gives the status secret (GET /clock): in the words of `incident doctor`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from deployments.prefect_server import POOL
from deployments.wanted import TAG
from flows.keepers import clock


class Complaint(BaseModel):
    """Why schedules do not begin what they should."""

    title: str
    says: str
    remedy: str


class Clockwork(BaseModel):
    """One look: the schedules that are active, when the next run begins, and what stands in the way."""

    troubles: list[Complaint]
    schedules: int
    next_run: datetime | None


def clockwork() -> Clockwork:
    """Ask Prefect, as the recoverer does three times a minute."""
    seen = clock.look(TAG, POOL)
    return Clockwork(
        troubles=[Complaint(title=one.title, says=one.says, remedy=one.remedy) for one in seen.troubles],
        schedules=seen.schedules,
        next_run=seen.next_run,
    )
