"""Ways to let inboxes do badly, or not send at all."""

from __future__ import annotations

from tasks.application.as_it_was import AsItWas
from tasks.application.faults import JOB, Rewritten, first_value, restore, rewrite
from tasks.application.inboxes.queries import ALL_PAUSED, BOUNCED_BACK, BOUNCING, USED_UP
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import CannotLook, Refused

FIELDS = ("status", "daily_limit", "paused_until")


class _AllInboxes(Fault):
    """Change every inbox."""

    query: str

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        was = AsItWas(application)
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(self.query), **self._given(application))
        if not found:
            raise Refused(f"{application.address} has no inbox for this fault.")
        was.keep("inboxes", found)
        return was

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()

    def _given(self, application: ApplicationDatabase) -> dict[str, object]:  # noqa: ARG002 - some need none
        return {}


class LeaveInboxesPaused(_AllInboxes):
    """Leave every inbox paused, although its pause is over."""

    query = ALL_PAUSED

    def _given(self, application: ApplicationDatabase) -> dict[str, object]:
        return {"paused": first_value(application, "inboxes.statuses.paused")}


class UseUpLimits(_AllInboxes):
    """Leave no inbox room for another mail today."""

    query = USED_UP


class BounceFromInbox(Fault):
    """Let a tenth of what an inbox sends come back."""

    def cause(self, application: ApplicationDatabase) -> tuple[Rewritten, AsItWas]:
        days = rewrite(application, "inbox_days", BOUNCING, BOUNCED_BACK)
        was = AsItWas(application)
        try:
            inbox = str(days.rows[0][application.column("inbox_days.inbox")[2]])
            with application.server.drill_session(JOB) as session:
                # What the step that a drill approves changes.
                was.look(session, "inboxes", FIELDS, "id", [inbox])
        except CannotLook:
            restore(days)
            raise
        return days, was

    def cure(self, trouble: tuple[Rewritten, AsItWas]) -> None:
        days, was = trouble
        restore(days)
        was.restore()
