"""Ways to release what a blocking chain waits for: cancel the head's query, or end the head's session."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.checks import LOCK_WAIT
from tasks.postgres.queries import BLOCKING_CHAINS, CLIENT_SESSIONS, RIGHTS, SIGNAL_SESSION, STILL_THERE
from tasks.postgres.rights import ACTING
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count, head, limit, lock, session

# A signalled backend ends at its next interrupt check, normally within milliseconds.
SETTLES_WITHIN_S = 5.0
POLL_S = 0.05

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
        left = {id(row): reason for row in heads if (reason := _left_alone(row, self.superusers) or _idle(row))}
        chosen = [row for row in heads if id(row) not in left]
        commands = tuple(_command("pg_cancel_backend", row, "query_start") for row in chosen)
        _refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("Cancel the query of", "cancel", chosen, list(left.values()), waited),
            commands=commands,
            blast_radius=_blast_radius(postgres, commands),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=[_evidence(row, id(row) not in left) for row in heads],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _signal(postgres, plan, "cancel", "cancelled")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not _remaining(postgres, plan.commands, "cancel")


class TerminateBlockingSessions(Action):
    """End the session at the head of each blocking chain.

    Only sessions of clients: replication, backups, autovacuum and our own are left alone, and superusers' sessions
    unless the user is named.
    """

    undo = NoWayBack(loses="Each ended session's open transaction is rolled back; its client sees an error.")

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Plan:
        heads = _heads(postgres, waited)
        left = {id(row): reason for row in heads if (reason := _left_alone(row, self.superusers))}
        chosen = [row for row in heads if id(row) not in left]
        commands = tuple(_command("pg_terminate_backend", row) for row in chosen)
        _refuse_out_of_reach(postgres, commands)
        return Plan(
            does=_does("End", "end", chosen, list(left.values()), waited),
            commands=commands,
            blast_radius=_blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[_evidence(row, id(row) not in left) for row in heads],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not _remaining(postgres, plan.commands, "terminate")


def _heads(postgres: PostgresServer, waited: Threshold) -> list[Row]:
    """Who holds others up, as it is now, for so long that the check would not be OK again.

    Raises:
        Refused: it cannot be seen; the remedy is the GRANT.
    """
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    return postgres.rows(BLOCKING_CHAINS, at_least_s=waited.warn)


def _left_alone(row: Row, superusers: Sequence[str]) -> str:
    """Why this head is not touched, and what a person does instead; empty when it may be."""
    if row["circle"]:
        return f"{_sentence(head(row))}: Postgres ends one of them itself, after its deadlock_timeout."
    if row["gid"] is not None:
        return f"{_sentence(head(row))}, has no session. By hand, in database {row['database']}: {row['by_hand']}"
    if row["ours"]:
        return f"{_sentence(session(row))} is our own; it ends within its own time limit."
    if row["backend_type"] != "client backend":
        return f"{_sentence(session(row))} is a {row['backend_type']}: let it finish, or cancel those who wait for it."
    if row["application"] in ("pg_dump", "pg_dumpall"):
        return f"{_sentence(session(row))} is a backup: cancel the session that waits for it instead."
    if row["superuser"] and row["user"] not in superusers:
        return f"{_sentence(session(row))} belongs to the superuser {row['user']}: ask whoever runs it."
    return ""


def _idle(row: Row) -> str:
    if row["state"] == "active":
        return ""
    return f"{_sentence(session(row))} is {row['state']}: it runs no query, and cancelling it would do nothing."


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _command(function: str, row: Row, *extra: str) -> Command:
    """One head's command: what is typed carries the same guard as what is run."""
    target = {key: row[key] for key in ("pid", "backend_start", *extra)}
    guard = "".join(f"\n   AND {key} = '{row[key]}'" for key in ("backend_start", *extra))
    # Shown, never run: what runs is SIGNAL_SESSION with the target as parameters.
    # Short lines: the form behind Resume is narrow, and nobody scrolls sideways before approving.
    line = f"SELECT {function}(pid)\n  FROM pg_stat_activity\n WHERE pid = {row['pid']}{guard};"  # noqa: S608
    return Command(line=line, target=target)


def _refuse_out_of_reach(postgres: PostgresServer, commands: Sequence[Command]) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the acting role may not signal one of the targets.
    """
    fates = [_fate(postgres.rows_as_actor(SIGNAL_SESSION, **_params(c, "look"))) for c in commands]
    if "no right" not in fates:
        return
    rights = postgres.rows_as_actor(RIGHTS)[0]
    missing = [str(rights[grant]) for grant, has in ACTING if not rights[has]]
    pid = commands[fates.index("no right")].target["pid"]
    raise Refused(
        f"{rights['user']} may not signal pid {pid} on {postgres.address}.",
        remedy="\n".join(missing) or "Only a superuser may end a superuser's session: set action_url to one.",
    )


def _params(command: Command, verb: str) -> dict[str, object]:
    return {"query_start": None, **command.target, "verb": verb}


def _fate(rows: Sequence[Row]) -> str:
    return str(rows[0]["fate"])


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


def _blast_radius(postgres: PostgresServer, commands: Sequence[Command]) -> BlastRadius:
    total = int(str(postgres.rows(CLIENT_SESSIONS)[0]["sessions"]))
    # Counted a moment after the chains: sessions may have left in between.
    return BlastRadius(touched=len(commands), total=max(total, len(commands)), noun="sessions")


def _evidence(row: Row, touched: bool) -> Row:
    return {**{key: row[key] for key in SHOWN}, "locked": lock(row), "touched": touched}


def _signal(postgres: PostgresServer, plan: Plan, verb: str, done: str) -> Outcome:
    """Signal each target that is still the one approved, then wait until the signals have worked."""
    fates = [_fate(postgres.act(SIGNAL_SESSION, **_params(c, verb))) for c in plan.commands]
    signalled = [c for c, fate in zip(plan.commands, fates, strict=True) if fate == "signalled"]
    stubborn = _settled(postgres, signalled, verb)
    rows = [
        {**command.target, "fate": _after(fate, command.target["pid"] in stubborn, done)}
        for command, fate in zip(plan.commands, fates, strict=True)
    ]
    told = Counter(str(row["fate"]) for row in rows)
    return Outcome(
        says=f"{count(len(rows), 'session')}: {', '.join(f'{n} {fate}' for fate, n in told.items())}."
        if rows
        else f"Nothing was {done}: the plan names nobody.",
        complete=not told.keys() & {"no right", "not touched", "still there"},
        rows=rows,
    )


def _after(fate: str, stubborn: bool, done: str) -> str:
    if fate != "signalled":
        return fate
    return "still there" if stubborn else done


def _settled(postgres: PostgresServer, commands: Sequence[Command], verb: str) -> set[object]:
    """Wait for the signals to work; the pids on which they did not in time."""
    until = time.monotonic() + SETTLES_WITHIN_S
    while (remaining := _remaining(postgres, commands, verb)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return remaining


def _remaining(postgres: PostgresServer, commands: Sequence[Command], verb: str) -> set[object]:
    """The pids of targets that still live or, to be cancelled, still run the same query."""
    rows = postgres.rows(
        STILL_THERE,
        pids=[c.target["pid"] for c in commands],
        backend_starts=[c.target["backend_start"] for c in commands],
        query_starts=[c.target.get("query_start") for c in commands],
    )
    return {row["pid"] for row in rows if verb == "terminate" or row["same_query"]}
