"""What we ask a Redis or Valkey server that queues live on: does it answer, and would it lose their jobs?"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Mapping

from tasks.amounts import size
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.kept import asked_once
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.words import count, limit, span
from tasks.rates import percent
from tasks.redis.system import Redis, Session

LATENCY = Threshold(
    warn=0.05,
    bad=0.5,
    because="Owner: the team on call. In seconds for one PING: a server beside its workers answers within one "
    "millisecond. From 50 ms on it swaps, forks or runs something long; every job takes several such ways.",
)
MEMORY = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the team on call. Of maxmemory: where it is reached and nothing may be evicted, every write is "
    "refused, even pausing a queue; at 95 % a campaign that is queued fills the rest.",
)
CLIENTS = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the team on call. Of maxclients: beyond it workers are not let in. Each BullMQ worker takes two "
    "connections, each QueueEvents one more.",
)
UNSAVED = Threshold(
    warn=3600,
    bad=6 * 3600,
    because="Owner: the team on call. In seconds since the last save while there is something to save: a server that "
    "is killed comes back as of then. Redis itself saves after an hour at the latest, unless told otherwise.",
)
SLOW = Threshold(
    warn=0.1,
    bad=1.0,
    because="Owner: the team on call. In seconds for one command: it runs alone, and nobody else is answered. "
    "BullMQ takes a job for lost whose lock could not be renewed for 30 s.",
)
# Of the slow log only what is as old as an incident is news; the log itself keeps 128 unless told otherwise.
SLOW_LOG, SLOW_WITHIN_S = 128, 3600.0
PINGS = 5
# A page of SCAN holds nobody up; so many tell which prefixes there are.
PAGE, PAGES = 1000, 20
SHOWN = 10
# By these names a queue's keys are told from others, whatever its prefix.
OF_QUEUES = ("meta", "id", "stalled-check", "meta-paused", "events")


def info(redis: Redis) -> Mapping[str, str]:
    """INFO's fields, once a round.

    Raises:
        CannotLook, Refused: it does not let itself be asked.
    """

    def ask() -> Mapping[str, str]:
        with redis.session() as session:
            return fields(str(session.run("INFO")))

    return asked_once((redis, "info"), ask)


def fields(text: str) -> Mapping[str, str]:
    """What INFO says, by name."""
    lines = (line.partition(":") for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {name: value.strip() for name, _, value in lines}


def amount(told: Mapping[str, str], name: str, address: str) -> int:
    """A whole number of INFO's.

    Raises:
        CannotLook: this server does not tell it.
    """
    try:
        return int(told[name])
    except (KeyError, ValueError):
        raise CannotLook(f"{address} does not tell {name!r} in its INFO.") from None


@check
def check_redis_answers(redis: Redis, took: Threshold = LATENCY) -> Finding:
    """Does the Redis server answer, and without delay?

    The middle one of five PINGs on an open connection. A password that is refused is ours, and tells nothing about the
    workers': that is unknown, not bad.
    """
    ways: list[float] = []
    try:
        with redis.session() as session:
            session.run("PING")
            for _ in range(PINGS):
                began = time.monotonic()
                session.run("PING")
                ways.append(time.monotonic() - began)
    except CannotLook as error:
        if isinstance(error, Refused):
            raise
        return Finding(
            verdict=Verdict.BAD, says=f"No queue can be used: {error.says}", facts={"answers": False}, unit="s"
        )
    middle = statistics.median(ways)
    return Finding(
        verdict=took.judge(middle),
        says=f"{redis.address} answers a PING within {middle * 1000:.1f} ms (bad from {took.bad * 1000:.0f} ms).",
        value=middle,
        unit="s",
        facts={"answers": True, "slowest_s": max(ways)},
    )


@check
def check_redis_memory(redis: Redis, used: Threshold = MEMORY) -> Finding:
    """Is there room left in the Redis server's memory?

    Of `maxmemory`. Without one the machine's memory is the limit, and the system ends the process when that is full:
    that is told, and judged by the machine's own questions.
    """
    told = info(redis)
    taken, most = amount(told, "used_memory", redis.address), amount(told, "maxmemory", redis.address)
    if not most:
        return Finding(
            verdict=Verdict.OK,
            says=f"{redis.address} uses {size(taken)}, and has no maxmemory: the machine's memory is its limit.",
            value=float(taken),
            unit="bytes",
            facts={"maxmemory": 0},
        )
    ratio = taken / most
    return Finding(
        verdict=used.judge(ratio),
        says=f"{redis.address} uses {size(taken)} of {size(most)}, {percent(ratio)} (bad from {percent(used.bad)}).",
        value=ratio,
        unit="ratio",
        facts={"maxmemory": most, "used_memory": taken},
    )


@check
def check_redis_eviction(redis: Redis) -> Finding:
    """Can the Redis server throw jobs away to make room?

    Where queues live its maxmemory-policy has to be noeviction: any other one drops keys, and a job of which one is
    dropped is lost without a trace. What was evicted already is bad, whatever the policy is now. Jobs do not expire, so
    the policies called volatile-… take their locks alone, and are warned of.
    """
    told = info(redis)
    policy, most = told.get("maxmemory_policy", ""), amount(told, "maxmemory", redis.address)
    evicted = amount(told, "evicted_keys", redis.address)
    if not policy:
        raise CannotLook(f"{redis.address} does not tell its maxmemory-policy.")
    verdict = Verdict.OK
    if policy != "noeviction":
        verdict = Verdict.BAD if most and policy.startswith("allkeys") else Verdict.WARN
    verdict = Verdict.BAD if evicted else verdict
    has = "no key was evicted" if not evicted else f"{count(evicted, 'key').lower()} evicted since it was started"
    without = "" if most else ", which does nothing as long as there is no maxmemory"
    return Finding(
        verdict=verdict,
        says=f"{redis.address} has the maxmemory-policy {excerpt(policy, 40)!r}{without}; {has} (queues need "
        "'noeviction').",
        value=float(evicted),
        unit="keys",
        facts={"policy": policy, "maxmemory": most},
        remedy="" if policy == "noeviction" else "CONFIG SET maxmemory-policy noeviction   # and in its configuration",
    )


@check
def check_redis_persistence(redis: Redis, unsaved: Threshold = UNSAVED) -> Finding:
    """Would jobs be lost if the Redis server were killed now?

    A server that is asked to stop saves; one that is killed (memory, power, a stop that took too long) comes back as of
    its last save, or with its append-only file. A save or a write to that file that failed is bad by itself.
    """
    told, now_s = info(redis), time.time()
    changes, saved = (
        amount(told, name, redis.address) for name in ("rdb_changes_since_last_save", "rdb_last_save_time")
    )
    age, appends = max(now_s - saved, 0.0), told.get("aof_enabled") == "1"
    facts: Row = {"appends": appends, "changes": changes, "saved_s_ago": round(age)}
    for name, what in (
        ("rdb_last_bgsave_status", "last save"),
        ("aof_last_write_status", "last write to its append-only file"),
    ):
        if told.get(name, "ok") != "ok" and (name.startswith("rdb") or appends):
            return Finding(
                verdict=Verdict.BAD,
                says=f"The {what} of {redis.address} failed; {count(changes, 'change').lower()} since the one before.",
                facts=facts,
                remedy="Look at the disk of its data and at its log; then BGSAVE.",
            )
    if appends:
        return Finding(
            verdict=Verdict.OK, says=f"{redis.address} writes down each change in its append-only file.", facts=facts
        )
    verdict = unsaved.judge(age) if changes else Verdict.OK
    return Finding(
        verdict=verdict,
        says=f"{redis.address} keeps no append-only file, and saved {span(age)} ago; "
        f"{count(changes, 'change').lower()} since then would be lost if it were killed (bad from "
        f"{limit(unsaved.bad)}).",
        value=age if changes else 0.0,
        unit="s",
        facts=facts,
        remedy="CONFIG SET appendonly yes   # and in its configuration; before a restart: BGSAVE" if verdict else "",
    )


@check
def check_redis_clients(redis: Redis, used: Threshold = CLIENTS) -> Finding:
    """Does the Redis server have room for more connections?

    Those that wait for a job are connections as well: blocked is how a worker rests.
    """
    told = info(redis)
    there, most = (amount(told, name, redis.address) for name in ("connected_clients", "maxclients"))
    ratio = there / max(most, 1)
    return Finding(
        verdict=used.judge(ratio),
        says=f"{redis.address} has {count(there, 'connection').lower()} of {most:,}, {percent(ratio)} (bad from "
        f"{percent(used.bad)}); {told.get('blocked_clients', '?')} of them wait for a job.",
        value=ratio,
        unit="ratio",
        facts={"connected": there, "maxclients": most},
    )


@check
def check_redis_slow_log(redis: Redis, took: Threshold = SLOW) -> Finding:
    """Did a command hold the Redis server up within the last hour?

    By its own slow log, which begins at 10 ms unless told otherwise. Only a command's name is shown: its arguments are
    the jobs' own data.
    """
    with redis.session() as session:
        entries = session.run("SLOWLOG", "GET", SLOW_LOG)
        now_s = float(session.run("TIME")[0])
    slow: list[Row] = [
        {"command": _command(entry[3]), "seconds": int(entry[2]) / 1e6, "ago_s": max(round(now_s - int(entry[1])), 0)}
        for entry in entries
        if now_s - int(entry[1]) <= SLOW_WITHIN_S
    ]
    slow.sort(key=lambda row: -float(str(row["seconds"])))
    if not slow:
        return Finding(verdict=Verdict.OK, says=f"No command held {redis.address} up within the last hour.", value=0.0)
    worst = float(str(slow[0]["seconds"]))
    return Finding(
        verdict=took.judge(worst),
        says=f"{count(len(slow), 'command', 'stand')} in the slow log of {redis.address} for the last hour; the "
        f"slowest was {slow[0]['command']} with {worst * 1000:,.0f} ms (bad from {took.bad * 1000:,.0f} ms).",
        value=worst,
        unit="s",
        rows=slow[:SHOWN],
    )


def _command(said: list[str]) -> str:
    return excerpt(str(said[0]) if said else "?", 32).upper()


@check
def check_redis_keyspace(redis: Redis) -> Finding:
    """Do queues share their Redis database with something else?

    Then FLUSHDB, as a way to clear a cache, takes the queues along: waiting and delayed jobs and the schedulers,
    without a trace. And the hit rate in INFO is the queues' own traffic: it tells nothing about a cache. Of so many
    keys as a few pages of SCAN show, by what stands before the first colon.
    """
    with redis.session() as session:
        total = int(session.run("DBSIZE"))
        seen, queues = _prefixes(session)
    looked = sum(seen.values())
    others = {prefix: number for prefix, number in seen.items() if prefix not in queues}
    rows: list[Row] = [
        {"prefix": prefix, "keys": number, "queues": prefix in queues} for prefix, number in seen.most_common(SHOWN)
    ]
    base = f"{redis.address}, database {redis.database}"
    if not queues or not others:
        whose = "queues alone" if queues else "no queues" if looked else "nothing"
        says = f"{base} holds {whose}: {total:,} keys in all."
        return Finding(verdict=Verdict.OK, says=says, value=float(total), unit="keys", rows=rows)
    named = ", ".join(sorted(others, key=lambda name: -others[name])[:3])
    return Finding(
        verdict=Verdict.WARN,
        says=f"{base} holds queues ({', '.join(sorted(queues)[:3])}) beside other keys ({named}): FLUSHDB would take "
        f"the queues along, and its hit rate is theirs. {looked:,} of {total:,} keys were looked at.",
        value=float(total),
        unit="keys",
        rows=rows,
        remedy="Delete a cache by its own prefix, with SCAN and UNLINK, never with FLUSHDB; better give it a server of "
        "its own.",
    )


def _prefixes(session: Session) -> tuple[Counter[str], set[str]]:
    """How many keys begin with what, and which of these are queues'."""
    seen: Counter[str] = Counter()
    queues: set[str] = set()
    cursor = "0"
    for _ in range(PAGES):
        cursor, keys = session.run("SCAN", cursor, "COUNT", PAGE)
        for key in keys:
            prefix = excerpt(key.partition(":")[0], 40) if ":" in key else "(no prefix)"
            seen[prefix] += 1
            if key.count(":") >= 2 and key.rpartition(":")[2] in OF_QUEUES:
                queues.add(prefix)
        if str(cursor) == "0":
            break
    return seen, queues
