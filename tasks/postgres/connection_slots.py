"""How many of the server's connection slots are taken, and by whom; and the limits of single roles and databases."""

from __future__ import annotations

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.queries import CONNECTION_SLOTS, DATABASE_LIMITS, IDLE_SESSIONS, ROLE_LIMITS, SLOT_HOLDERS
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.session import APPLICATION
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, span

# The holders shown: enough to see which application it is.
MOST_HOLDERS = 30

SLOTS_TAKEN = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the DBA. check_postgres and the vendors' alerts warn at 80 % of max_connections less the reserved "
    "ones; past 95 % the next deploy, which connects its new processes before it ends the old ones, finds no slot.",
)
IDLE_SESSION = Threshold(
    warn=600,
    bad=3600,
    because="Owner: the application's developers. PgBouncer (server_idle_timeout) and HikariCP (idleTimeout) close a "
    "connection after ten idle minutes by default: one that is idle for longer belongs to a pool that never shrinks, "
    "or was forgotten. After an hour nobody will come back for it.",
)
LIMIT_TAKEN = Threshold(
    warn=0.9,
    bad=1,
    because="Owner: whoever set the limit. At the limit Postgres refuses the next connection (SQLSTATE 53300). Below "
    "it a pool sized to fit its limit is healthy, so that nobody is woken for one.",
)


@check
def check_connection_slots(
    postgres: PostgresServer, taken: Threshold = SLOTS_TAKEN, idle: Threshold = IDLE_SESSION
) -> Finding:
    """How many of the connection slots are taken, and who holds them?

    Judged against the slots that are open to all roles: max_connections less those reserved for superusers and, since
    16, for roles with pg_use_reserved_connections. Our own questions of this moment are not counted; replication has
    slots of its own. When no slot is left for us either, that is the answer. `idle` judges nothing here: from its first
    limit on a session may be ended, and how many there are is among the facts.
    """
    try:
        if blind := postgres.blind():
            return blind
        slots = postgres.rows(CONNECTION_SLOTS, asking=APPLICATION)[0]
        holders = postgres.rows(SLOT_HOLDERS, asking=APPLICATION, most=MOST_HOLDERS)
        forgotten = postgres.rows(IDLE_SESSIONS, at_least_s=idle.warn)
    except NotConnected as error:
        if error.reason is not Reason.TOO_MANY_CLIENTS:
            raise
        return _no_slot_for_us(error)

    ratio = number(slots["taken"]) / max(number(slots["open_to_all"]), 1)
    return Finding(
        verdict=taken.judge(ratio),
        says=_taken(slots, ratio, taken, holders),
        value=round(ratio, 4),
        unit="ratio",
        facts={**slots, "idle_too_long_in_one_application": len(forgotten)},
        rows=holders if taken.judge(ratio) > Verdict.OK else (),
    )


@check
def check_role_connection_limits(postgres: PostgresServer, taken: Threshold = LIMIT_TAKEN) -> Finding:
    """Has any role used up its own connection limit?

    Superusers are left out, for whom Postgres counts none, and limits of 0, which are doors closed on purpose.
    """
    return _limits(postgres, ROLE_LIMITS, "role", Reason.ROLE_LIMIT, taken)


@check
def check_database_connection_limits(postgres: PostgresServer, taken: Threshold = LIMIT_TAKEN) -> Finding:
    """Has any database used up its own connection limit?

    Limits of 0 are left out: they are doors closed on purpose.
    """
    return _limits(postgres, DATABASE_LIMITS, "database", Reason.DATABASE_LIMIT, taken)


def _no_slot_for_us(error: NotConnected) -> Finding:
    return Finding(
        verdict=Verdict.BAD,
        says=f"All connection slots are taken, and none is kept for us, so we cannot see by whom. {error.says}",
        value=1.0,
        unit="ratio",
        remedy=error.remedy,
    )


def _taken(slots: Row, ratio: float, taken: Threshold, holders: list[Row]) -> str:
    kept = [
        f"{slots[key]} more for {whom}"
        for key, whom in (("for_superusers", "superusers"), ("for_reserved_roles", "roles with reserved slots"))
        if slots[key]
    ]
    said = (
        f"{count(int(number(slots['taken'])), 'connection slot')} of {slots['open_to_all']} taken, "
        f"{ratio:.0%} (bad from {taken.bad:.0%}{'; ' + ', '.join(kept) if kept else ''})"
    )
    return f"{said}; {_largest(holders)}." if holders and taken.judge(ratio) > Verdict.OK else f"{said}."


def _largest(holders: list[Row]) -> str:
    first = holders[0]
    who = f"{first['application'] or 'a nameless application'} as {first['user']} from {first['client']}"
    return f"most by {who}: {first['sessions']} {first['state']}, the longest for {span(number(first['longest_s']))}"


def _limits(postgres: PostgresServer, query: str, noun: str, own: Reason, taken: Threshold) -> Finding:
    try:
        limits = postgres.rows(query)
    except NotConnected as error:
        if error.reason is not own:
            raise
        return Finding(verdict=Verdict.BAD, says=error.says, value=1.0, unit="ratio", remedy=error.remedy)
    if not limits:
        return Finding(
            verdict=Verdict.OK, says=f"No {noun} has a connection limit of its own.", value=0.0, unit="ratio"
        )
    worst = limits[0]
    ratio = number(worst["sessions"]) / number(worst["limit"])
    return Finding(
        verdict=taken.judge(ratio),
        says=(
            f"The {noun} {worst['name']} uses {worst['sessions']} of the {worst['limit']} connections it is allowed "
            f"(bad from {taken.bad:.0%}), {worst['idle']} of them idle."
        ),
        value=round(ratio, 4),
        unit="ratio",
        facts={"limited": len(limits)},
        rows=[row for row in limits if taken.judge(number(row["sessions"]) / number(row["limit"])) > Verdict.OK],
    )
