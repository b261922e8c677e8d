"""Ways to leave prospects as they are."""

from __future__ import annotations

from tasks.application.as_it_was import AsItWas
from tasks.application.enrichment.queries import LEAVE_FAILED, LEAVE_NEW
from tasks.application.faults import JOB, first_value
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused


class _Left(Fault):
    """Leave prospects behind."""

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


class PassOverProspects(_Left):
    """Leave prospects new that nobody begins with."""

    def __init__(self, prospects: int = 30) -> None:
        """So many of those that were enriched last are new again, since three days."""
        self.prospects = prospects

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        return _left(application, LEAVE_NEW, self.prospects, "prospects.statuses.new")


class FailProspects(_Left):
    """Leave prospects failed by an outage of who was asked about them."""

    def __init__(self, prospects: int = 60) -> None:
        """So many of those that were enriched last have failed, once, ten minutes ago."""
        self.prospects = prospects

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        return _left(application, LEAVE_FAILED, self.prospects, "prospects.statuses.failed")


def _left(application: ApplicationDatabase, query: str, prospects: int, status: str) -> AsItWas:
    was = AsItWas(application)
    given = {"prospects": prospects, "status": first_value(application, status)}
    with application.server.drill_session(JOB) as session:
        found = session.run(application.filled(query), **given)
    if not found:
        raise Refused(f"{application.address} has nothing for this fault: no prospect was enriched.")
    was.keep("prospects", found)
    return was
