"""Ways to let mails greet nobody."""

from __future__ import annotations

from tasks.application.as_it_was import AsItWas
from tasks.application.content.queries import FORGET_NAME
from tasks.application.faults import JOB
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused


class ForgetNames(Fault):
    """Leave a lead without a name."""

    def __init__(self, leads: int = 1) -> None:
        """So many leads that still get mail."""
        self.leads = leads

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        was = AsItWas(application)
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(FORGET_NAME), leads=self.leads)
            if not found:
                raise Refused(f"{application.address} has no lead for this fault: none with a name still gets mail.")
            was.keep("leads", found)
            leads = [str(row["id"]) for row in found]
            was.look(session, "enrolments", ["status", "reason"], "lead", leads)
            was.look(session, "sends", ["status"], "lead", leads)
        return was

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()
