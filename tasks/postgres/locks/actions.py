"""Ways to let those through who wait for a lock: cancel the query that holds them up, or end its session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.locks.checks import LOCK_WAIT
from tasks.postgres.locks.jam import Culprit, Jam, look
from tasks.postgres.locks.tree import as_rows
from tasks.postgres.signals import blast_radius, command, left_alone, refuse_out_of_reach, remaining, sentence, signal
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import asked, count, head, limit, lock, session

# A sentence is read on a phone; the evidence below it has them all.
NAMED = 5


class CancelBlockingQueries(Action):
    """Cancel the query that holds others up.

    A migration that waits for a whole table, or the head of the chain. Whoever asks for a whole table while others read
    or write it keeps everybody out who comes later: that one is cancelled, never the backup, report or VACUUM before
    it. A head only if it runs a query: cancelling an idle session does nothing. Superusers' sessions are left alone
    unless the user is named.
    """

    undo = NoWayBack(loses="Each cancelled query's transaction is rolled back; its client sees an error and stays on.")

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Plan:
        jam = _jam(postgres, waited)
        chosen, left = _parted(jam, lambda row: left_alone(row, self.superusers) or _idle(row))
        commands = tuple(command("pg_cancel_backend", one.row, "query_start") for one in chosen)
        refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("Cancel the query of", "cancel", chosen, left, jam),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=as_rows(jam, {one.row["pid"] for one in chosen}),
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "cancel", "cancelled")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "cancel")


class TerminateBlockingSessions(Action):
    """End the session that holds others up.

    One that waits for a whole table, or the head of the chain. Only sessions of clients: replication, backups,
    autovacuum and our own are left alone, and superusers' sessions unless the user is named.
    """

    undo = NoWayBack(loses="Each ended session's open transaction is rolled back; its client sees an error.")
    # So many are no longer a few that misbehave: a second person looks whether the application itself is what is wrong.
    two_people_above = 0.2

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Plan:
        jam = _jam(postgres, waited)
        chosen, left = _parted(jam, lambda row: left_alone(row, self.superusers))
        commands = tuple(command("pg_terminate_backend", one.row) for one in chosen)
        refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("End", "end", chosen, left, jam),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=as_rows(jam, {one.row["pid"] for one in chosen}),
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "terminate")


def _jam(postgres: PostgresServer, waited: Threshold) -> Jam:
    """Who holds others up, as it is now, for so long that the check would not be OK again.

    Raises:
        Refused: it cannot be seen; the remedy is the GRANT.
    """
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    return look(postgres, waited.warn)


def _parted(jam: Jam, why_not: Callable[[Row], str]) -> tuple[list[Culprit], list[str]]:
    """Who is to go, and of the others why they are not touched."""
    found = jam.culprits(lambda row: not why_not(row))
    return [one for one in found if not why_not(one.row)], [why for one in found if (why := why_not(one.row))]


def _idle(row: Row) -> str:
    if row["state"] == "active":
        return ""
    return f"{sentence(session(row))} is {row['state']}: it runs no query, and cancelling it would do nothing."


def _does(order: str, verb: str, chosen: list[Culprit], left: list[str], jam: Jam) -> str:
    if chosen:
        return " ".join([*(f"{order} {_whom(one)}." for one in chosen), *left])
    none = f": no session has held others up for {limit(jam.at_least_s)} or longer" if not left else ""
    return " ".join([f"Nothing to {verb}{none}.", *left, *_who_waits(jam)])


def _who_waits(jam: Jam) -> list[str]:
    """Where nobody is touched, whoever is on call asks next who they are that wait on."""
    waiting = jam.queue()
    named = ", ".join(session(row) for row in waiting[:NAMED])
    more = f" and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
    return [f"Waiting meanwhile: {named}{more}."] if waiting else []


def _whom(one: Culprit) -> str:
    if one.behind is None:
        waiting = count(int(str(one.row["waiting"])), "session", "wait")
        return f"{head(one.row)}, which holds {lock(one.row)}; {waiting} behind it"
    behind = count(one.frees, "session", "wait") if one.frees else "nobody waits yet"
    return f"{session(one.row)}, which asks for {asked(one.row)} and waits for {head(one.behind)}; {behind} behind it"
