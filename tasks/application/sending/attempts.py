"""What became of the mails that were attempted in a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tasks.application.sending.queries import ATTEMPTS
from tasks.application.system import ApplicationDatabase
from tasks.model import Threshold
from tasks.postgres.values import number
from tasks.rates import Rate

# Of fewer attempts one failure is two percent and more.
LEAST_ATTEMPTS = 50

SEND_FAILURES = Threshold(
    warn=0.01,
    bad=0.05,
    because="Owner: the team on call. Of attempts: seed S3 expects less than 1 % to fail, and alerts when its sender's "
    "success is below 95 %; its other alert, at 10 %, would come after that.",
)


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Mails whose attempt ended between two instants; `delay_s` is the mean lateness of those that went out."""

    went_out: int
    failed: int
    bounced: int | None
    delay_s: float | None

    @property
    def all(self) -> int:
        return self.went_out + self.failed

    @property
    def failures(self) -> Rate:
        return Rate(part=self.failed, whole=self.all, least=LEAST_ATTEMPTS)

    @property
    def delivered(self) -> Rate:
        """Those that went out and did not come back."""
        return Rate(part=self.went_out - (self.bounced or 0), whole=self.all, least=LEAST_ATTEMPTS)


def attempts(application: ApplicationDatabase, since: datetime, until: datetime) -> Attempts:
    """What was attempted from `since` until before `until`, by when the attempt ended.

    Raises:
        CannotLook, Refused: no answer, or what it takes is not mapped.
    """
    row = application.rows(ATTEMPTS, since=since, until=until)[0]
    bounced, delay_s = row.get("bounced"), row.get("delay_s")
    return Attempts(
        went_out=int(number(row["went_out"])),
        failed=int(number(row["failed"])),
        bounced=None if bounced is None else int(number(bounced)),
        delay_s=None if delay_s is None else number(delay_s),
    )
