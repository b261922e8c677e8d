"""The way to let VACUUM remove dead rows again: end the sessions that hold them back."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan, Risk, Row, Threshold
from tasks.postgres import signals
from tasks.postgres.autovacuum import Held, holding, named
from tasks.postgres.locks.checks import LONG_TRANSACTION
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import limit, span


class EndVacuumHolders(Action):
    """End the sessions whose old transaction keeps VACUUM from removing dead rows.

    Only sessions of clients: backups, replication and our own are left alone, and superusers' sessions unless the user
    is named. Prepared transactions and slots have no session to end; the plan says what a person does.
    """

    undo = NoWayBack(
        loses="Each ended session's open transaction is rolled back and its client sees an error: a report begins anew."
    )

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, held: Threshold = LONG_TRANSACTION) -> Plan:
        found = [one for one in holding(postgres) if one.holder["held_s"] is None or held.judge(one.held_s)]
        left = [reason for one in found if (reason := self._left_alone(one.holder))]
        chosen = [one for one in found if not self._left_alone(one.holder)]
        commands = tuple(signals.command("pg_terminate_backend", one.holder) for one in chosen)
        signals.refuse_out_of_reach(postgres, commands)
        told = [_does(one) for one in chosen]
        if not told and not left:
            told = [f"Nothing to end: nothing has kept dead rows for {limit(held.warn)} or longer."]
        return Plan(
            does=" ".join([*(told or ["Nothing to end."]), *left]),
            commands=commands,
            blast_radius=signals.blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[one.holder for one in found],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signals.signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not signals.remaining(postgres, plan.commands, "terminate")

    def _left_alone(self, holder: Row) -> str:
        """Why this holder is not touched, and what a person does instead; empty when it may be."""
        who = signals.sentence(named(holder))
        if holder["kind"] == "slot":
            return f"{who} has no session; if its replica is gone for good: {holder['by_hand']}"
        if holder["kind"] == "prepared transaction":
            return f"{who} has no session. By hand, in the database {holder['database']}: {holder['by_hand']}"
        if holder["backend_type"] != "client backend":
            return f"{who} is a {holder['backend_type']}: look there for the query that takes so long."
        if holder["application"] in ("pg_dump", "pg_dumpall"):
            return f"{who} is a backup: let it finish."
        return signals.left_alone(holder, self.superusers)


def _does(one: Held) -> str:
    dead = sum(number(row["dead"]) for row in one.tables)
    return f"End {named(one.holder)} which has kept {dead:,.0f} dead rows for {span(one.held_s)}."
