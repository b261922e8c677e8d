"""How sessions are signalled: exactly those a plan names, never a successor, and only where we may."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Row
from tasks.postgres.queries import CLIENT_SESSIONS, RIGHTS, SIGNAL_SESSION, STILL_THERE
from tasks.postgres.rights import ACTING
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count, head, lock, session

# A signalled backend ends at its next interrupt check, normally within milliseconds.
SETTLES_WITHIN_S = 5.0
POLL_S = 0.05

# A wait of this name is for a synchronous standby.
SYNCHRONOUS = "SyncRep"
COMMITTED = (
    "What waits is committed here and stays so: to cancel the wait, or to end the session, undoes nothing; its rows "
    "may be on no standby then, and the next COMMIT waits again."
)
WITHOUT_STANDBY = (
    "Bring the standby back, or let commits go on without one: "
    "ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf();"
)


def left_alone(row: Row, superusers: Sequence[str]) -> str:
    """Why this head is not touched, and what a person does instead; empty when it may be."""
    if row["circle"]:
        return f"{sentence(head(row))}: Postgres ends one of them itself, after its deadlock_timeout."
    if row["gid"] is not None:
        return f"{sentence(head(row))}, has no session. {decided_by_hand(row)}"
    if row["ours"]:
        return f"{sentence(session(row))} is our own; it ends within its own time limit."
    if row.get("wait_event") == SYNCHRONOUS:
        return f"{sentence(session(row))} waits for a synchronous standby. {COMMITTED} {WITHOUT_STANDBY}"
    if row["backend_type"] == "startup":
        return _replay(row)
    if row["backend_type"] != "client backend":
        kind = one(str(row["backend_type"]))
        return f"{sentence(session(row))} is {kind}: let it finish, or cancel those who wait for it."
    if row["application"] in ("pg_dump", "pg_dumpall"):
        left = "let it finish. Whoever waits for it may be cancelled; a standby's replay waits on."
        return f"{sentence(session(row))} is a backup: {left}"
    if row["superuser"] and row["user"] not in superusers:
        return f"{sentence(session(row))} belongs to the superuser {row['user']}: ask whoever runs it."
    return ""


def decided_by_hand(row: Row) -> str:
    """What a person does about a prepared transaction: half of it may be committed elsewhere."""
    gid = "'" + str(row["gid"]).replace("'", "''") + "'"
    return (
        f"Ask its coordinator, the program that gave it this name, what was decided. By hand, in the database "
        f"{row['database']}: COMMIT PREPARED {gid}; if the whole was committed; if it was not: ROLLBACK PREPARED {gid};"
    )


def _replay(row: Row) -> str:
    """What a person does about a standby's own process, which nobody may end: the whole server would go down."""
    who = f"{sentence(head(row))}, is never ended."
    if row["wait_event"] in ("RecoveryPause", "RecoveryPauseState"):
        return f"{who} The replay is paused; to go on: SELECT pg_wal_replay_resume();"
    return f"{who} It holds {lock(row)} for a transaction of the primary: look there who holds it, and end that one."


def sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def one(noun: str) -> str:
    """An autovacuum worker, a walsender: the kinds of processes that Postgres names."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def command(function: str, row: Row, *extra: str) -> Command:
    """One head's command: what is typed carries the same guard as what is run."""
    target = {key: row[key] for key in ("pid", "backend_start", *extra)}
    guard = "".join(f"\n   AND {key} = '{row[key]}'" for key in ("backend_start", *extra))
    # Shown, never run: what runs is SIGNAL_SESSION with the target as parameters.
    # Short lines: the form behind Resume is narrow, and nobody scrolls sideways before approving.
    line = f"SELECT {function}(pid)\n  FROM pg_stat_activity\n WHERE pid = {row['pid']}{guard};"  # noqa: S608
    return Command(line=line, target=target)


def refuse_out_of_reach(postgres: PostgresServer, commands: Sequence[Command]) -> None:
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
        remedy="\n".join(dict.fromkeys(missing))
        or "Only a superuser may end a superuser's session: set action_url to one.",
    )


def _params(command: Command, verb: str) -> dict[str, object]:
    return {"query_start": None, "state": None, **command.target, "verb": verb}


def _fate(rows: Sequence[Row]) -> str:
    return str(rows[0]["fate"])


def blast_radius(postgres: PostgresServer, commands: Sequence[Command]) -> BlastRadius:
    total = int(str(postgres.rows(CLIENT_SESSIONS)[0]["sessions"]))
    # Counted a moment after the chains: sessions may have left in between.
    return BlastRadius(touched=len(commands), total=max(total, len(commands)), noun="sessions")


def signal(postgres: PostgresServer, plan: Plan, verb: str, done: str) -> Outcome:
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
    while (stubborn := remaining(postgres, commands, verb)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return stubborn


def remaining(postgres: PostgresServer, commands: Sequence[Command], verb: str) -> set[object]:
    """The pids of targets that still live or, to be cancelled, still run the same query."""
    rows = postgres.rows(
        STILL_THERE,
        pids=[c.target["pid"] for c in commands],
        backend_starts=[c.target["backend_start"] for c in commands],
        query_starts=[c.target.get("query_start") for c in commands],
    )
    return {row["pid"] for row in rows if verb == "terminate" or row["same_query"]}
