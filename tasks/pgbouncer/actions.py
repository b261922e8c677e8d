"""Make a pooler let go of server connections that are of no use any more, and go on."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row, Threshold
from tasks.pgbouncer.checks import WAITING, sick_first
from tasks.pgbouncer.system import Pooler
from tasks.postgres.refusals import quoted
from tasks.postgres.values import number

RECONNECT, RESUME = "RECONNECT", "RESUME"


class ResetPool(Action):
    """Reset the pools whose clients wait.

    RECONNECT: each server connection is closed as soon as its client lets go of it, and a new one opened; no client is
    disconnected and no transaction broken off. It helps after a failover, a restart, or a changed address. KILL would
    throw everybody out at once, and is not taken. A pool that somebody left paused is resumed instead.
    """

    undo = NoWayBack(loses="Nothing: server connections are opened anew. A pause that was meant is over.")

    def plan(self, pgbouncer: Pooler, waited: Threshold = WAITING) -> Plan:
        pools = sick_first(pgbouncer)
        sick = [pool for pool in pools if number(pool["waited_s"]) >= waited.warn]
        # One command for each database: its pools differ by user, and the console knows databases only.
        first = {str(pool["database"]): pool for pool in reversed(sick)}
        commands = tuple(_command(database, pool) for database, pool in sorted(first.items()))
        told = [f"{_verb(pool).capitalize()} the pools of {database}." for database, pool in sorted(first.items())]
        return Plan(
            does=" ".join(told) or "Nothing to reset: no client waits.",
            commands=commands,
            blast_radius=BlastRadius(
                touched=len(commands), total=len({pool["database"] for pool in pools}), noun="pooled databases"
            ),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=sick,
        )

    def apply(self, pgbouncer: Pooler, plan: Plan) -> Outcome:
        for planned in plan.commands:
            pgbouncer.act(planned.line)
        return Outcome(
            says="; ".join(planned.line for planned in plan.commands) or "Nothing was reset: the plan names no pool.",
            complete=True,
        )

    def applied(self, pgbouncer: Pooler, plan: Plan) -> bool | None:
        """A resumed database is not paused; of a RECONNECT nothing tells whether it was said."""
        if any(planned.target["verb"] != RESUME for planned in plan.commands):
            return None
        paused = {row["name"] for row in pgbouncer.show("SHOW DATABASES") if row.get("paused")}
        return not paused & {planned.target["database"] for planned in plan.commands}


def _verb(pool: Row) -> str:
    return RESUME if pool["paused"] else RECONNECT


def _command(database: str, pool: Row) -> Command:
    return Command(line=f"{_verb(pool)} {quoted(database)}", target={"database": database, "verb": _verb(pool)})
