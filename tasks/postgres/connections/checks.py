"""What we ask a Postgres server about connections: who gets in, who holds the slots, who has reached a limit?"""

from __future__ import annotations

import time

from tasks.check import check
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.postgres.connections.knocks import Knock, knock_all
from tasks.postgres.connections.queries import (
    CONNECTION_SLOTS,
    DATABASE_LIMITS,
    IDLE_SESSIONS,
    LOGIN_ROLE,
    ROLE_LIMITS,
    SLOT_HOLDERS,
)
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

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

CONNECTING = Threshold(
    warn=1,
    bad=2,
    because="Owner: the team on call. A pool opens connections while a customer waits for the page. In one network a "
    "login takes 5 to 50 ms; a second says that the server forks slowly, or that a name or a route is looked for.",
)

# Whoever asks every minute meets a network's hiccup sooner or later, and this opens a P0.
AGAIN_S = 2.0
# Whoever was silent for so long did not hiccup.
QUICK_S = 5.0


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
        slots = postgres.rows(CONNECTION_SLOTS)[0]
        holders = postgres.rows(SLOT_HOLDERS, most=MOST_HOLDERS)
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


@check
def check_can_connect(postgres: PostgresServer, took: Threshold = CONNECTING) -> Finding:
    """Can we connect to the database, and can the application?

    The application is asked for where `application_url` is configured. A failure is the answer here, with its reason:
    name, network, TLS, password, role, database, no slot, a limit, starting up, in recovery, shutting down. No reserved
    slot of ours is used through `reserve_url`: it is about the doors others come by. A login without an answer to
    `SELECT 1` counts as a failure too. A quick failure
    counts only if the same doors fail again two seconds later.
    """
    began = time.monotonic()
    knocks = knock_all(postgres)
    if any(knock.refused for knock in knocks) and time.monotonic() - began < QUICK_S:
        time.sleep(AGAIN_S)
        knocks = knock_all(postgres)

    failed = [knock for knock in knocks if knock.refused]
    slowest = max((knock.seconds for knock in knocks if knock.seconds is not None), default=None)
    verdict = Verdict.BAD if failed else took.judge(slowest or 0.0)
    return Finding(
        verdict=verdict,
        says=" ".join(_failed(knock) for knock in failed) or _connected(postgres, knocks, slowest or 0.0, took),
        value=slowest,
        unit="s",
        facts={"reasons": sorted({knock.refused.reason.value for knock in failed if knock.refused})},
        rows=[knock.row for knock in knocks],
        remedy="\n".join(dict.fromkeys(said for knock in failed if (said := _remedy(postgres, knock)))),
    )


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


def _failed(knock: Knock) -> str:
    says = knock.refused.says if knock.refused else ""
    return f"{knock.whose[0].upper()}{knock.whose[1:]} cannot connect: {says}"


def _connected(postgres: PostgresServer, knocks: list[Knock], slowest: float, took: Threshold) -> str:
    who = " and ".join(knock.whose for knock in knocks)
    return (
        f"{who[0].upper()}{who[1:]} can connect to {postgres.address}; it took {slowest * 1000:.0f} ms "
        f"(bad from {limit(took.bad)})."
    )


def _remedy(postgres: PostgresServer, knock: Knock) -> str:
    if knock.refused is None:
        return ""
    if knock.refused.reason is Reason.TOO_MANY_CLIENTS and knock.url != postgres.url:
        # Reserved slots are for those who look and act, never for the application that takes the others.
        return ""
    if knock.refused.reason is Reason.PASSWORD:
        return _of_the_password(postgres, knock.role, knock.refused.remedy)
    return knock.refused.remedy


def _of_the_password(postgres: PostgresServer, role: str, remedy: str) -> str:
    """Postgres says 'password' of a missing role and of an expired password too; the acting role sees which."""
    try:
        rows = postgres.rows_as_actor(LOGIN_ROLE, role=role)
    except CannotLook:
        # The acting role gets in no better: then there is nothing to add.
        return remedy
    if not rows:
        return f"{remedy} There is no role {role}: Postgres says 'password' of a missing role too."
    if rows[0]["expired"]:
        # A new password would be refused as well.
        return f"The password of {role} was valid until {rows[0]['valid_until']}: {rows[0]['extend']}"
    return remedy
