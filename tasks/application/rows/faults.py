"""Ways to let events come in twice."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.application.faults import JOB
from tasks.application.rows.aside import as_rows
from tasks.application.rows.queries import FORGET, REPEAT
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused


@dataclass(frozen=True)
class Repeated:
    """Events that came in again, by their keys."""

    application: ApplicationDatabase
    keys: list[str]


class RepeatEvents(Fault):
    """Let the provider tell events again, under other ids."""

    def __init__(self, events: int = 40) -> None:
        """So many of the newest openings."""
        self.events = events

    def cause(self, application: ApplicationDatabase) -> Repeated:
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(REPEAT), events=self.events)
        if not found:
            raise Refused(f"{application.address} has no events for this fault: nothing was opened, or long ago.")
        return Repeated(application, [str(row["id"]) for row in found])

    def cure(self, trouble: Repeated) -> None:
        """Remove what is left of them; what a step has taken out stays aside."""
        application = trouble.application
        with application.server.drill_session(JOB) as session:
            session.run(application.filled(FORGET), rows=as_rows(application, trouble.keys))
