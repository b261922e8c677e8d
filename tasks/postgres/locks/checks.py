"""What we ask a Postgres server about sessions that hold each other up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.check import check
from tasks.model import Earlier, Finding, Row, Threshold, Verdict
from tasks.postgres.locks.jam import Culprit, Jam, look
from tasks.postgres.locks.queries import (
    ANYBODY_WAITS,
    DEADLOCKS,
    IDLE_IN_TRANSACTION,
    LONG_TRANSACTIONS,
)
from tasks.postgres.locks.tree import as_rows
from tasks.postgres.signals import decided_by_hand, left_alone, sentence
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, asked, count, head, limit, lock, prepared, session, span

# Every busy database has waits and transactions shorter than this.
NOTICEABLE_S = 1.0
# Two looks in quick succession would turn one deadlock into hundreds an hour.
SHORTEST_LOOK_S = 300.0

LOCK_WAIT = Threshold(
    warn=5,
    bad=30,
    because="Owner: the team on call. Heroku's router and gunicorn end a request after 30 s, so a longer wait is "
    "an error to a customer; after 5 s customers reload, and every reload joins the queue.",
)
LONG_TRANSACTION = Threshold(
    warn=300,
    bad=1800,
    because="Owner: the team on call. Seed S4 ends statements older than 5 min. VACUUM removes no row deleted since "
    "the oldest transaction began, and S4's escalation calls the manager after 30 min.",
)
IDLE_TRANSACTION = Threshold(
    warn=60,
    bad=300,
    because="Owner: the application's developers. No code thinks for a minute between two statements: it waits for "
    "another service or forgot to commit, and keeps its locks. Seed S4 ends what is older than 5 min.",
)
DEADLOCK_RATE = Threshold(
    warn=1,
    bad=60,
    because="Owner: the application's developers. Each deadlock is a transaction that Postgres ended (40P01). One an "
    "hour is worth a look; one a minute means two code paths lock in opposite order as a rule.",
)


@check
def check_blocked_sessions(postgres: PostgresServer, waited: Threshold = LOCK_WAIT) -> Finding:
    """Is any session waiting for a lock that another session holds?

    Named first is who queues in between: a migration that waits for a whole table behind a backup, a report or a
    VACUUM, none of which is in anybody else's way. Waits shorter than a second are left out: every busy database has
    them. So are CREATE INDEX CONCURRENTLY and its kind waiting for old transactions (they do so by design and hold no
    request up; check_long_transactions shows the transaction), unless such a transaction waits itself or idles with an
    advisory lock; autovacuum, replication, a standby's replay, and our own sessions.
    """
    if blind := postgres.blind():
        return blind
    # Even with nothing to follow, following the chains takes the server ten times this look's time, and 40 MB.
    jam = look(postgres, NOTICEABLE_S) if postgres.rows(ANYBODY_WAITS) else None

    longest = max((number(row["waited_s"]) for row in jam.heads), default=0.0) if jam else 0.0
    return Finding(
        verdict=waited.judge(longest),
        says=_blocked(jam, longest, waited),
        value=longest,
        unit="s",
        facts={"waiting": len(jam.waiting) if jam else 0, "heads": len(jam.heads) if jam else 0},
        rows=as_rows(jam) if jam else [],
        remedy=_by_hand(jam.culprits()) if jam else "",
    )


@check
def check_long_transactions(postgres: PostgresServer, opened: Threshold = LONG_TRANSACTION) -> Finding:
    """Has any transaction been open for too long?

    Prepared ones count, of whichever database: they have no session, and whoever made them may never come back. Dumps,
    VACUUM, CLUSTER and index builds are left out: they are meant to be slow. So are autovacuum, replication, and our
    own sessions.
    """
    if blind := postgres.blind():
        return blind
    transactions = postgres.rows(LONG_TRANSACTIONS, at_least_s=NOTICEABLE_S)

    longest = max((number(row["transaction_s"]) for row in transactions), default=0.0)
    sick = [row for row in transactions if opened.judge(number(row["transaction_s"])) > Verdict.OK]
    return Finding(
        verdict=opened.judge(longest),
        says=_oldest(transactions, longest, opened),
        value=longest,
        unit="s",
        facts={"too_long": len(sick)},
        rows=sick,
        remedy=" ".join(f"{sentence(prepared(row))}: {decided_by_hand(row)}" for row in sick if row["gid"] is not None),
    )


@check
def check_idle_in_transaction(postgres: PostgresServer, idle: Threshold = IDLE_TRANSACTION) -> Finding:
    """Does any session sit idle inside an open transaction?

    Counted is the time since its last statement ended, not the age of the transaction: one that works is not idle.
    Our own sessions are left out.
    """
    if blind := postgres.blind():
        return blind
    sessions = postgres.rows(IDLE_IN_TRANSACTION, at_least_s=NOTICEABLE_S)

    longest = max((number(row["idle_s"]) for row in sessions), default=0.0)
    sick = [row for row in sessions if idle.judge(number(row["idle_s"])) > Verdict.OK]
    return Finding(
        verdict=idle.judge(longest),
        says=_idle(sessions, longest, idle),
        value=longest,
        unit="s",
        facts={"too_long": len(sick)},
        rows=sick,
    )


@check
def check_deadlocks(
    postgres: PostgresServer, per_hour: Threshold = DEADLOCK_RATE, earlier: Earlier | None = None
) -> Finding:
    """How often does Postgres have to end a transaction to break a deadlock?

    Counted since the last look. At the first look, and after a reset, crash or failover, the average since the count
    began is judged instead; a database that is younger than that had more of them an hour.
    """
    now = postgres.rows(DEADLOCKS)[0]

    before = earlier.facts if earlier and _same_count(now, earlier.facts) else None
    deadlocks = number(now["deadlocks"]) - (number(before["deadlocks"]) if before else 0)
    over_s = number(now["at_s"]) - number(before["at_s"]) if before else number(now["counted_for_s"])
    rate = deadlocks / max(over_s, SHORTEST_LOOK_S) * HOUR_S
    since = f"since the last look {span(over_s)} ago" if before else f"in the {span(over_s)} since {now['began']}"

    return Finding(
        verdict=per_hour.judge(rate),
        says=_deadlocked(str(now["database"]), int(deadlocks), rate, since, per_hour),
        value=rate,
        unit="1/h",
        facts=now,
    )


def _blocked(jam: Jam | None, longest: float, waited: Threshold) -> str:
    bad = f"(bad from {limit(waited.bad)})"
    if jam is None or not jam.heads:
        return f"No session has waited for a lock for {limit(NOTICEABLE_S)} or longer {bad}."
    waiting = len(jam.waiting)
    wait = (
        f"{count(waiting, 'session', 'wait')} for a lock, {'the longest ' if waiting > 1 else ''}{span(longest)} {bad}"
    )
    return f"{wait}; {_to_blame(jam, jam.culprits())}."


def _to_blame(jam: Jam, culprits: Sequence[Culprit]) -> str:
    first = culprits[0]
    if first.behind is None:
        place = "at the head is" if len(jam.heads) == 1 else f"of {len(jam.heads)} heads the worst is"
        return f"{place} {head(first.row)}, which holds {lock(first.row)}: its end frees {first.frees}"
    asking = [one for one in culprits if one.behind]
    who = ", then ".join(f"{session(one.row)}, which asks for {asked(one.row)}" for one in asking)
    frees = f"frees {first.frees} behind it" if first.frees else "frees nobody yet, and nobody queues behind it then"
    said = f"{who}, stands behind {head(first.behind)}: cancelling it {frees}"
    rest = [one for one in culprits if not one.behind]
    if not rest:
        return said
    return f"{said}; besides, {head(rest[0].row)} holds {lock(rest[0].row)}: its end frees {rest[0].frees}"


def _by_hand(culprits: Sequence[Culprit]) -> str:
    """Why those are not touched who are to blame, and what a person does; an orphan before them is told, too."""
    before = [one.behind for one in culprits if one.behind and one.behind["gid"] is not None]
    reasons = [left_alone(row, ()) for row in (*(one.row for one in culprits), *before)]
    return " ".join(dict.fromkeys(why for why in reasons if why))


def _oldest(transactions: list[Row], longest: float, opened: Threshold) -> str:
    if not transactions:
        return f"No transaction is open for {limit(NOTICEABLE_S)} or longer (bad from {limit(opened.bad)})."
    oldest = prepared(transactions[0]) if transactions[0]["gid"] is not None else session(transactions[0])
    return f"The oldest transaction is open for {span(longest)} (bad from {limit(opened.bad)}): {oldest}."


def _idle(sessions: list[Row], longest: float, idle: Threshold) -> str:
    if not sessions:
        return f"No session is idle in a transaction for {limit(NOTICEABLE_S)} or longer (bad from {limit(idle.bad)})."
    amount = count(len(sessions), "session", "sit")
    which = "the longest for" if len(sessions) > 1 else "for"
    return (
        f"{amount} idle in a transaction, {which} {span(longest)} (bad from {limit(idle.bad)}): {session(sessions[0])}."
    )


def _same_count(now: Row, before: Row) -> bool:
    """Did the counter run through since then? After a failover the new primary has a count of its own."""
    same = all(now[key] == before.get(key) for key in ("database", "counting"))
    return same and number(now["deadlocks"]) >= number(before["deadlocks"])


def _deadlocked(database: str, deadlocks: int, rate: float, since: str, per_hour: Threshold) -> str:
    said = f"{count(deadlocks, 'deadlock')} in {database} {since}"
    if not deadlocks:
        return f"{said} (bad from {per_hour.bad:,g} an hour)."
    return f"{said}: {math.floor(rate * 10) / 10:,g} an hour (bad from {per_hour.bad:,g})."
