"""Queues for tests: filled by the vendor's own package where it is of that version, else by keys as they were seen.

The layouts of BullMQ 5.81.5 and Bull 4.16.5 were read off a server that their own workers in Node had used; strict CI
has no Node for them. BullMQ 6's are made by its package for Python, which has its scripts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import redis
from bullmq import Queue

from tasks.queues.system import Queues
from tests.valkey import HOST, PASSWORD, Valkey

if TYPE_CHECKING:
    from bullmq import Job

NAME = "emails"
BASE = f"bull:{NAME}:"
REFUSED = "connect ECONNREFUSED 192.0.2.7:443"
T = Any


def door(valkey: Valkey, database: int, **more: Any) -> Queues:
    given = {"action_username": "actor", "action_password": PASSWORD, **valkey.settings(database), **more}
    return Queues(**given)


def now_ms() -> int:
    return round(time.time() * 1000)


def vendor(valkey: Valkey, database: int, use: Callable[[Queue], Awaitable[T]]) -> T:
    """Let the vendor's package do something with the queue."""

    async def used() -> T:
        connection = {"host": HOST, "port": valkey.port, "db": database, "username": "worker", "password": PASSWORD}
        queue = Queue(NAME, {"connection": connection})
        try:
            return await use(queue)
        finally:
            await queue.close()

    return asyncio.run(used())


def add(valkey: Valkey, database: int, jobs: int, **options: Any) -> None:
    async def added(queue: Queue) -> None:
        await queue.addBulk([{"name": "send", "data": {"n": n}, "opts": options} for n in range(jobs)])

    vendor(valkey, database, added)


def job(
    client: redis.Redis,
    number: int | str,
    *,
    name: str = "send",
    age_s: float = 0,
    options: dict[str, Any] | None = None,
    base: str = BASE,
    **more: Any,
) -> str:
    """A job's hash, of whatever state."""
    at = now_ms() - round(age_s * 1000)
    told: dict[Any, Any] = {"name": name, "data": "{}", "opts": json.dumps(options or {}), "timestamp": at}
    client.hset(f"{base}{number}", mapping=told | {"delay": 0, "priority": 0} | more)
    return str(number)


def meta(client: redis.Redis, version: str = "bullmq:6.7.0", base: str = BASE, **more: Any) -> None:
    """What a producer in Node writes."""
    told: dict[Any, Any] = {"opts.maxLenEvents": 10000, "version": version}
    client.hset(f"{base}meta", mapping=told | more)


def waiting(client: redis.Redis, jobs: Iterable[str], where: str = "wait", base: str = BASE) -> None:
    """The first is the next one taken."""
    client.lpush(f"{base}{where}", *jobs)


def failed(
    client: redis.Redis,
    number: int | str,
    *,
    reason: str = REFUSED,
    ago_s: float = 60,
    tries: int = 1,
    base: str = BASE,
    **more: Any,
) -> str:
    """A job that failed for good."""
    at = now_ms() - round(ago_s * 1000)
    fields: dict[str, Any] = {"failedReason": reason, "finishedOn": at, "processedOn": at - 10}
    fields |= {"atm": tries, "ats": tries}
    made = job(client, number, age_s=ago_s + 1, base=base, **{**fields, **more})
    client.zadd(f"{base}failed", {made: at})
    return made


def worker(
    valkey: Valkey, database: int, *, python: bool = False, named: str = "", prefix: str = "bull"
) -> redis.Redis:
    """A connection named as a worker's is; close it to be rid of the worker."""
    name = NAME if python else base64.b64encode(NAME.encode()).decode()
    client = redis.Redis(
        HOST, valkey.port, database, username="worker", password=PASSWORD, client_name=f"{prefix}:{name}{named}"
    )
    client.ping()
    return client


async def get_job(queue: Queue, number: str) -> Job:
    from bullmq import Job

    found = await Job.fromId(queue, number)
    assert found is not None
    return found
