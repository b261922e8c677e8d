"""Ways to let the daily figures go stale."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.application.analytics.backfill import own_zone
from tasks.application.analytics.checks import updater
from tasks.application.analytics.queries import BRING_BACK, CLEAR, DUE_IN, LOSE
from tasks.application.as_it_was import AsItWas
from tasks.application.faults import JOB, first_value
from tasks.application.queries import SWITCH
from tasks.application.scheduled import DAY_S
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused
from tasks.postgres.session import Session

HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class Stale:
    """The figures that went, each a row in JSON, and the updater as it was."""

    application: ApplicationDatabase
    rows: str
    updater: AsItWas


class LoseFigures(Fault):
    """Lose the figures of two days."""

    def __init__(self, days: int = 2) -> None:
        """Of the last so many days the figures are gone."""
        self.days = days

    def cause(self, application: ApplicationDatabase) -> Stale:
        one, was = updater(application), AsItWas(application)
        was.keep("workflows", [{name: one.row[name] for name in ("id", "active", "next_run_at") if name in one.row}])
        with application.server.drill_session(JOB) as session:
            # The updater first: in the lab it would fill the days in again.
            self.hold_up(session, application, one.name)
            found = session.run(application.filled(LOSE), time_zone=own_zone(application), days=self.days)
        kept = f"[{','.join(str(row['kept']) for row in found)}]"
        if not found:
            was.restore()
            raise Refused(f"{application.address} has no figures of the last {self.days} days that could go.")
        return Stale(application=application, rows=kept, updater=was)

    def cure(self, trouble: Stale) -> None:
        application = trouble.application
        with application.server.drill_session(JOB) as session:
            session.run(application.filled(CLEAR), rows=trouble.rows)
            session.run(application.filled(BRING_BACK), rows=trouble.rows)
        trouble.updater.restore()

    def hold_up(self, session: Session, application: ApplicationDatabase, name: str) -> None:
        """Its updater has run just now, and left them out."""
        _due(session, application, name, HOUR_S)


class StopUpdater(LoseFigures):
    """Switch the updater of the figures off for two days."""

    def hold_up(self, session: Session, application: ApplicationDatabase, name: str) -> None:
        """It is switched off, and was due when it was."""
        session.run(application.filled(SWITCH), workflow=name, value=first_value(application, "workflows.states.off"))
        _due(session, application, name, -self.days * DAY_S)


def _due(session: Session, application: ApplicationDatabase, name: str, in_s: int) -> None:
    if application.knows(DUE_IN):
        session.run(application.filled(DUE_IN), workflow=name, in_s=in_s)
