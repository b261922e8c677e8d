"""Ways to make room when no connection slot is left: end idle sessions; at last restart application or database."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import CannotLook, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.connections.checks import IDLE_SESSION, SLOTS_TAKEN
from tasks.postgres.connections.knocks import knock_all
from tasks.postgres.connections.queries import CONNECTION_SLOTS, IDLE_SESSIONS
from tasks.postgres.refusals import Reason
from tasks.postgres.signals import blast_radius, command, refuse_out_of_reach, remaining, signal
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService, DatabaseService

# Of the slots open to all roles. A pool that lost all its connections at once reconnects all at once; and the set stays
# the same from plan to approval, because it does not follow the number of slots taken just now.
AT_MOST = 0.5

# It is down, or it hangs, or it is full: a restart changes that. It changes no password, name, role or certificate.
RESTART_HELPS = {Reason.REFUSED, Reason.TIME_OUT, Reason.BROKEN_OFF, Reason.TOO_MANY_CLIENTS}
# It is at it already; to begin anew would begin the recovery anew.
UNDER_WAY = {Reason.STARTING_UP, Reason.IN_RECOVERY, Reason.SHUTTING_DOWN}


class EndIdleSessions(Action):
    """End the idle sessions of the application that holds most of them.

    Only sessions outside any transaction, idle for longer than the limit, of one application within one role; the
    longest idle first, never more than half of the slots at once. Ours, superusers' and replication's are left alone.
    A session that is in use again by then is left alone too.
    """

    undo = NoWayBack(
        loses="Nothing that was committed. Each client finds its connection closed; a pool that does not test its "
        "connections shows an error for each, once. Temporary tables and session settings are gone."
    )
    narrows = True

    def __init__(self, at_most: float = AT_MOST) -> None:
        """`at_most` is a share of the slots that are open to all roles."""
        self.at_most = at_most

    def plan(self, postgres: PostgresServer, taken: Threshold = SLOTS_TAKEN, idle: Threshold = IDLE_SESSION) -> Plan:
        if blind := postgres.blind():
            raise Refused(blind.says, remedy=blind.remedy)
        slots = postgres.rows(CONNECTION_SLOTS)[0]
        sessions = postgres.rows(IDLE_SESSIONS, at_least_s=idle.warn)
        cap = max(1, int(number(slots["open_to_all"]) * self.at_most))
        chosen = sessions[:cap] if number(slots["taken"]) >= taken.warn * number(slots["open_to_all"]) else []
        commands = tuple(command("pg_terminate_backend", row, "state") for row in chosen)
        refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does(chosen, len(sessions), cap, slots, idle),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[slots, *chosen],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "terminate")


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


def _does(chosen: list[Row], there: int, cap: int, slots: Row, idle: Threshold) -> str:
    state = f"{slots['taken']} of {slots['open_to_all']} slots are taken"
    if not chosen and there:
        return f"Nothing to end: {state}."
    if not chosen:
        return (
            f"Nothing to end: no session is idle for {limit(idle.warn)} or longer ({state}). "
            "Restart the application, or lower the limit `idle` for this environment."
        )
    first = chosen[0]
    who = f"{first['application'] or 'a nameless application'} as {first['user']}"
    rest = (
        f" of its {there} idle ones; {cap} is the most at once" if there > len(chosen) else f"; at most {cap} at once"
    )
    return (
        f"End {count(len(chosen), 'idle session')} of {who}{rest}. Each is idle for {limit(idle.warn)} or longer, the "
        f"longest for {span(number(first['idle_s']))}. Now {state}."
    )


def _slots(postgres: PostgresServer) -> Row | None:
    """None when we do not get in: then the application is in the way of us too."""
    try:
        return postgres.rows(CONNECTION_SLOTS)[0]
    except CannotLook:
        return None
