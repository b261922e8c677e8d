"""Ways to release what a blocking chain waits for: cancel the head's query, or end the head's session."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.locks.checks import LOCK_WAIT
from tasks.postgres.locks.queries import BLOCKING_CHAINS
from tasks.postgres.signals import blast_radius, command, left_alone, refuse_out_of_reach, remaining, sentence, signal
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count, head, limit, lock, session

SHOWN = (
    "pid", "backend_start", "user", "application", "client", "database", "backend_type", "state", "query",
    "query_start", "transaction_s", "waiting", "waiting_directly", "waiters", "waited_s", "gid",
)  # fmt: skip


class CancelBlockingQueries(Action):
    """Cancel the query at the head of each blocking chain.

    Only a head that runs a query: cancelling an idle session does nothing. Superusers' sessions are left alone
    unless the user is named.
    """

    undo = NoWayBack(loses="Each cancelled query's transaction is rolled back; its client sees an error and stays on.")

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Plan:
        heads = _heads(postgres, waited)
        left = {id(row): reason for row in heads if (reason := left_alone(row, self.superusers) or _idle(row))}
        chosen = [row for row in heads if id(row) not in left]
        commands = tuple(command("pg_cancel_backend", row, "query_start") for row in chosen)
        refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("Cancel the query of", "cancel", chosen, list(left.values()), waited),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=[_evidence(row, id(row) not in left) for row in heads],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "cancel", "cancelled")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "cancel")


class TerminateBlockingSessions(Action):
    """End the session at the head of each blocking chain.

    Only sessions of clients: replication, backups, autovacuum and our own are left alone, and superusers' sessions
    unless the user is named.
    """

    undo = NoWayBack(loses="Each ended session's open transaction is rolled back; its client sees an error.")
    # So many are no longer a few that misbehave: a second person looks whether the application itself is what is wrong.
    two_people_above = 0.2

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Plan:
        heads = _heads(postgres, waited)
        left = {id(row): reason for row in heads if (reason := left_alone(row, self.superusers))}
        chosen = [row for row in heads if id(row) not in left]
        commands = tuple(command("pg_terminate_backend", row) for row in chosen)
        refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("End", "end", chosen, list(left.values()), waited),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[_evidence(row, id(row) not in left) for row in heads],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "terminate")


def _heads(postgres: PostgresServer, waited: Threshold) -> list[Row]:
    """Who holds others up, as it is now, for so long that the check would not be OK again.

    Raises:
        Refused: it cannot be seen; the remedy is the GRANT.
    """
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    return postgres.rows(BLOCKING_CHAINS, at_least_s=waited.warn)


def _idle(row: Row) -> str:
    if row["state"] == "active":
        return ""
    return f"{sentence(session(row))} is {row['state']}: it runs no query, and cancelling it would do nothing."


def _does(order: str, verb: str, chosen: list[Row], left: list[str], waited: Threshold) -> str:
    told = [
        f"{order} {head(row)}, which holds {lock(row)}; {count(int(str(row['waiting'])), 'session', 'wait')} behind it."
        for row in chosen
    ]
    if not told and not left:
        told = [f"Nothing to {verb}: no session has held others up for {limit(waited.warn)} or longer."]
    elif not told:
        told = [f"Nothing to {verb}."]
    return " ".join([*told, *left])


def _evidence(row: Row, touched: bool) -> Row:
    return {**{key: row[key] for key in SHOWN}, "locked": lock(row), "touched": touched}
