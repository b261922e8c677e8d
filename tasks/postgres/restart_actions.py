"""The last resorts when nobody gets a connection: restart the application, restart the database."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import CannotLook, NoWayBack, Outcome, Plan, Risk, Row, Threshold
from tasks.postgres.connecting import knock_all
from tasks.postgres.connection_slots import SLOTS_TAKEN
from tasks.postgres.queries import CONNECTION_SLOTS
from tasks.postgres.refusals import Reason
from tasks.postgres.session import APPLICATION
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService, DatabaseService

# It is down, or it hangs, or it is full: a restart changes that. It changes no password, name, role or certificate.
RESTART_HELPS = {Reason.REFUSED, Reason.TIME_OUT, Reason.BROKEN_OFF, Reason.TOO_MANY_CLIENTS}
# It is at it already; to begin anew would begin the recovery anew.
UNDER_WAY = {Reason.STARTING_UP, Reason.IN_RECOVERY, Reason.SHUTTING_DOWN}


class RestartApplication(Action):
    """Restart the application.

    So that it gives all its connections back. Through the environment's `application_service`, and only while slots are
    short.
    """

    undo = NoWayBack(
        loses="Requests and jobs under way are broken off, and what the application held in memory only is gone."
    )

    def plan(
        self, postgres: PostgresServer, application_service: ApplicationService, taken: Threshold = SLOTS_TAKEN
    ) -> Plan:
        slots = _slots(postgres)
        if slots and number(slots["taken"]) < taken.warn * number(slots["open_to_all"]):
            does = f"Nothing to restart: {slots['taken']} of {slots['open_to_all']} connection slots are taken."
            return no_plan(does, noun="applications", loses=self.way_back)
        return plan_of(
            application_service,
            "Restart the application.",
            noun="applications",
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[slots] if slots else [],
        )

    # The database is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, postgres: PostgresServer, application_service: ApplicationService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(application_service, plan)

    def applied(
        self,
        postgres: PostgresServer,  # noqa: ARG002
        application_service: ApplicationService,
        plan: Plan,
    ) -> bool | None:
        return has_restarted(application_service, plan)


class RestartDatabase(Action):
    """Restart the database server.

    Dangerous: everybody is thrown out. Through the environment's `database_service`; it needs no connection, and starts
    a server that is stopped. Only where a restart can help: not for a password, a name or a certificate, and not while
    it recovers.
    """

    undo = NoWayBack(
        loses="Every session is ended and every open transaction rolled back. Nobody is served until the server is up "
        "again, which takes seconds, and minutes if it has to recover from a crash."
    )

    def plan(self, postgres: PostgresServer, database_service: DatabaseService) -> Plan:
        knocks = knock_all(postgres)
        reasons = {knock.refused.reason for knock in knocks if knock.refused}
        told = " ".join(knock.refused.says for knock in knocks if knock.refused)
        if not reasons:
            return no_plan("Nothing to restart: the database lets us in.", noun="servers", loses=self.way_back)
        if reasons & UNDER_WAY:
            does = f"Nothing to restart: it is at it already, and would begin anew. {told}"
            return no_plan(does, noun="servers", loses=self.way_back)
        if not reasons & RESTART_HELPS:
            return no_plan(f"A restart would not help. {told}", noun="servers", loses=self.way_back)
        return plan_of(
            database_service,
            f"Restart the database server. {told}",
            noun="servers",
            risk=Risk.HIGH,
            loses=self.way_back,
            evidence=[knock.row for knock in knocks],
        )

    # The database is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, postgres: PostgresServer, database_service: DatabaseService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(database_service, plan)

    def applied(
        self,
        postgres: PostgresServer,  # noqa: ARG002
        database_service: DatabaseService,
        plan: Plan,
    ) -> bool | None:
        return has_restarted(database_service, plan)


def _slots(postgres: PostgresServer) -> Row | None:
    """None when we do not get in: then the application is in the way of us too."""
    try:
        return postgres.rows(CONNECTION_SLOTS, asking=APPLICATION)[0]
    except CannotLook:
        return None
