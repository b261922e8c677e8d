"""The mails that should have gone out by now, and wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tasks.application.days import moment
from tasks.application.sending.queries import DUE
from tasks.application.system import ApplicationDatabase
from tasks.model import Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

QUEUE_AGE = Threshold(
    warn=300,
    bad=900,
    because="Owner: the team on call. Age, not depth (seed S1 alerts at 500 jobs, S3 sends 100 mails a minute: 500 are "
    "five minutes' work). At 15 min S3 calls a sender that has not run a critical alert.",
)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many are due, and since when the oldest is; its age is 0 where none is."""

    due: int
    oldest: datetime | None
    oldest_s: float

    def says(self, age: Threshold) -> str:
        """'No mail is due.', '5,000 mails are due, the oldest for 3 h (bad from 15 min).'"""
        if not self.due:
            return "No mail is due."
        which = "is due" if self.due == 1 else "are due, the oldest"
        return f"{count(self.due, 'mail')} {which} for {span(self.oldest_s)} (bad from {limit(age.bad)})."


def queue(application: ApplicationDatabase) -> Queue:
    """The mails that are due; those of campaigns that do not run are left out, where campaigns are mapped.

    Raises:
        CannotLook, Refused: no answer, or what it takes is not mapped.
    """
    row = application.rows(DUE)[0]
    oldest = row["oldest"]
    return Queue(
        due=int(number(row["due"])),
        oldest=moment(oldest) if oldest is not None else None,
        oldest_s=number(row["oldest_s"]),
    )
