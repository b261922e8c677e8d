"""Ways to let mail go wrong, or not go at all, in the application's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.as_it_was import AsItWas
from tasks.application.control.queries import (
    KEEP_SETTINGS,
    NO_CRON,
    PAUSE_ALL,
    RESTORE_SETTINGS,
    SEND_WRONGLY,
    SET_SETTING,
    UNSEND,
)
from tasks.application.control.settings import emergency_stop
from tasks.application.faults import JOB, Rewritten, first_value, restore, rewrite
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused


@dataclass(frozen=True)
class Kept:
    """Settings as they were, each a row in JSON."""

    application: ApplicationDatabase
    rows: Sequence[str]

    @classmethod
    def of(cls, application: ApplicationDatabase) -> Kept:
        """The emergency stop and the limits, whose steps a drill rehearses.

        Raises:
            Refused: settings are not mapped; CannotLook: no answer.
        """
        part = application.settings
        keys = [key for key in (part.stop, part.per_run, *part.at_once.values()) if key] if part else []
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(KEEP_SETTINGS), keys=keys)
        return cls(application, [str(row["kept"]) for row in found])

    def put_back(self) -> None:
        with self.application.server.drill_session(JOB) as session:
            session.run(self.application.filled(RESTORE_SETTINGS), rows=f"[{','.join(self.rows)}]")


class SendToWrongList(Fault):
    """Send to a list that was mixed up."""

    def __init__(self, mails: int = 150) -> None:
        """The newest `mails` that went out are due again, for leads that are not enrolled in their campaign."""
        self.mails = mails

    def cause(self, application: ApplicationDatabase) -> tuple[Kept, Rewritten]:
        kept = Kept.of(application)
        queued = first_value(application, "sends.statuses.queued")
        return kept, rewrite(application, "sends", SEND_WRONGLY, UNSEND, mails=self.mails, queued=queued)

    def cure(self, trouble: tuple[Kept, Rewritten]) -> None:
        kept, mails = trouble
        # The mails first: with the stop lifted they would go on.
        restore(mails)
        kept.put_back()


class LeaveStopOn(Fault):
    """Leave the emergency stop on."""

    def cause(self, application: ApplicationDatabase) -> Kept:
        kept, stop = Kept.of(application), emergency_stop(application)
        on = {"setting": stop.key, "was": stop.value, "value": first_value(application, "settings.stops.on")}
        with application.server.drill_session(JOB) as session:
            session.run(application.filled(SET_SETTING), **on, by=JOB, reason="A drill forgot to lift it.")
        return kept

    def cure(self, trouble: Kept) -> None:
        trouble.put_back()


class PauseAllCampaigns(Fault):
    """Leave every campaign paused."""

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        return _changed(
            application, "campaigns", PAUSE_ALL, paused=first_value(application, "campaigns.statuses.paused")
        )

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


class ForgetSender(Fault):
    """Have the sender's cron not trigger for a year."""

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        sender = application.executions.sender if application.executions else None
        return _changed(application, "workflows", NO_CRON, sender=sender)

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


def _changed(application: ApplicationDatabase, part: str, query: str, **given: object) -> AsItWas:
    was = AsItWas(application)
    with application.server.drill_session(JOB) as session:
        found = session.run(application.filled(query), **given)
    if not found:
        raise Refused(f"{application.address} has nothing for this fault: no row of {part} is as it should be.")
    was.keep(part, found)
    return was
