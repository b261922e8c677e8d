"""Free connection slots: end sessions that nobody has used for long."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.connection_slots import IDLE_SESSION, SLOTS_TAKEN
from tasks.postgres.queries import CONNECTION_SLOTS, IDLE_SESSIONS
from tasks.postgres.session import APPLICATION
from tasks.postgres.signals import blast_radius, command, refuse_out_of_reach, remaining, signal
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

# Of the slots open to all roles. A pool that lost all its connections at once reconnects all at once; and the set stays
# the same from plan to approval, because it does not follow the number of slots taken just now.
AT_MOST = 0.5


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

    def __init__(self, at_most: float = AT_MOST) -> None:
        """`at_most` is a share of the slots that are open to all roles."""
        self.at_most = at_most

    def plan(self, postgres: PostgresServer, taken: Threshold = SLOTS_TAKEN, idle: Threshold = IDLE_SESSION) -> Plan:
        if blind := postgres.blind():
            raise Refused(blind.says, remedy=blind.remedy)
        slots = postgres.rows(CONNECTION_SLOTS, asking=APPLICATION)[0]
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
