"""What we ask a pooler: does it let clients in, and how long do they wait for a server connection?"""

from __future__ import annotations

from tasks.check import check
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.pgbouncer.system import CONSOLE, Pooler
from tasks.postgres.refusals import NotConnected
from tasks.postgres.values import number
from tasks.postgres.words import count, limit

WAITING = Threshold(
    warn=1,
    bad=5,
    because="Owner: the DBA. A client that waits gets no server connection because the pool is used up or paused. "
    "PgBouncer ends its wait after query_wait_timeout (120 s by default), a customer reloads after five seconds.",
)


@check
def check_pooler(pgbouncer: Pooler, waited: Threshold = WAITING) -> Finding:
    """Does the pooler let clients in, and does any of them wait for a server connection?

    Judged is the longest wait in any pool (its admin console), and whether a client gets through to the server
    (`client_url`); only what is configured is asked. A wrong password for the console says nothing about its clients.
    """
    if pgbouncer.url is None:
        return _shut_door(pgbouncer) or _open(pgbouncer)
    try:
        # Before we come as a client ourselves, and would be one of those who wait.
        pools = sick_first(pgbouncer)
    except Refused:
        if shut := _shut_door(pgbouncer):
            return shut
        raise
    except NotConnected as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)

    shut = _shut_door(pgbouncer)
    longest = max((number(pool["waited_s"]) for pool in pools), default=0.0)
    verdict = max(waited.judge(longest), Verdict.BAD if shut else Verdict.OK)
    said = _waiting(pgbouncer, pools, longest, waited)
    return Finding(
        verdict=verdict,
        says=f"{shut.says} {said}" if shut else said,
        value=longest,
        unit="s",
        facts={"clients_waiting": sum(int(number(pool["clients_waiting"])) for pool in pools)},
        rows=[pool for pool in pools if number(pool["clients_waiting"]) or pool["paused"]],
        remedy=shut.remedy if shut else "",
    )


def sick_first(pgbouncer: Pooler) -> list[Row]:
    """The pools as the console shows them, the longest wait first: who, how many, how long (seconds), paused or not.

    Raises:
        CannotLook, Refused: no answer.
    """
    paused = {row["name"]: bool(row.get("paused")) for row in pgbouncer.show("SHOW DATABASES")}
    pools: list[Row] = [
        {
            "database": pool["database"],
            "user": pool["user"],
            "clients_active": pool["cl_active"],
            "clients_waiting": pool["cl_waiting"],
            "servers_active": pool["sv_active"],
            "servers_idle": pool["sv_idle"],
            "waited_s": number(pool["maxwait"]) + number(pool.get("maxwait_us")) / 1e6,
            "paused": paused.get(pool["database"], False),
        }
        for pool in pgbouncer.show("SHOW POOLS")
        if pool["database"] != CONSOLE
    ]
    return sorted(pools, key=lambda pool: (-number(pool["waited_s"]), str(pool["database"]), str(pool["user"])))


def _shut_door(pgbouncer: Pooler) -> Finding | None:
    if pgbouncer.client_url is None:
        return None
    try:
        pgbouncer.knock()
    except NotConnected as error:
        says = f"Clients do not get through the pooler. {error.says}"
        return Finding(verdict=Verdict.BAD, says=says, facts={"reason": error.reason.value}, remedy=error.remedy)
    except CannotLook:
        limit_s = pgbouncer.answer_timeout_s
        says = f"The pooler lets clients in, and gave us no server connection within {limit_s:g} s."
        return Finding(verdict=Verdict.BAD, says=says, facts={"reason": "no server connection"})
    return None


def _open(pgbouncer: Pooler) -> Finding:
    says = f"Clients get through the pooler at {pgbouncer.address}; its admin console is not configured."
    return Finding(verdict=Verdict.OK, says=says)


def _waiting(pgbouncer: Pooler, pools: list[Row], longest: float, waited: Threshold) -> str:
    waiting = sum(int(number(pool["clients_waiting"])) for pool in pools)
    bad = f"(bad from {limit(waited.bad)})"
    if not waiting:
        return f"No client waits for a server connection in {count(len(pools), 'pool')} of {pgbouncer.address} {bad}."
    worst = pools[0]
    state = "paused" if worst["paused"] else f"{worst['servers_active']} server connections in use"
    return (
        f"{count(waiting, 'client', 'wait')} for a server connection at {pgbouncer.address}, the longest for "
        f"{longest:.1f} s {bad}; most at {worst['database']} as {worst['user']}, {state}."
    )
