"""Ways to hold users up on their way in, in the application's own rows."""

from __future__ import annotations

from typing import ClassVar

from tasks.application.as_it_was import AsItWas
from tasks.application.faults import JOB, first_value
from tasks.application.onboarding.queries import BREAK_GRANT, FAIL_STEP
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused


class _FailStep(Fault):
    """Leave a user at a step that failed."""

    # In the name of the step; and what the application wrote down.
    part_of_name: ClassVar[str]
    error: ClassVar[str]

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        steps = application.onboarding.steps if application.onboarding else ()
        step = next((one for one in steps if self.part_of_name in one.lower()), None)
        if step is None:
            raise Refused(f"No step of the onboarding is called {self.part_of_name!r}.", remedy="Look at `steps`.")
        failed = first_value(application, "onboarding.statuses.failed")
        was = AsItWas(application)
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(FAIL_STEP), step=step, failed=failed, error=self.error)
        if not found:
            raise Refused(f"{application.address} has no user who could be held up.")
        was.keep("onboarding", found)
        return was

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


class FailDomainStep(_FailStep):
    """Leave a user at the domain step, which failed."""

    part_of_name = "domain"
    error = "SPF record not found for shop.example"


class FailCalendarStep(_FailStep):
    """Leave a user at the calendar step, which failed."""

    part_of_name = "calendar"
    error = "invalid_grant: Bad Request"


class FailInboxStep(_FailStep):
    """Leave a user at the inbox step, which failed."""

    part_of_name = "inbox"
    error = "535 5.7.8 authentication failed"


class RevokeGrants(Fault):
    """Revoke the permission of two calendar connections."""

    def __init__(self, connections: int = 2) -> None:
        """The newest `connections` are refused with invalid_grant, for six hours."""
        self.connections = connections

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        was = AsItWas(application)
        with application.server.drill_session(JOB) as session:
            found = session.run(
                application.filled(BREAK_GRANT),
                connections=self.connections,
                broken=first_value(application, "connections.statuses.broken"),
                error='{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}',
            )
        if not found:
            raise Refused(f"{application.address} has no calendar connection with a token.")
        was.keep("connections", found)
        return was

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()
