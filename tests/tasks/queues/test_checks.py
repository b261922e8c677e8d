"""Who works on a queue, how fast, and what is stuck in it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from bullmq import Queue

from tasks.kept import one_question
from tasks.model import Earlier, Finding, Verdict
from tasks.queues.checks import (
    check_queue_backlog,
    check_queue_pace,
    check_queue_paused,
    check_queue_schedulers,
    check_queue_workers,
    check_stalled_jobs,
)
from tasks.queues.failures import check_failed_jobs, check_poisoned_jobs
from tasks.queues.found import STALLED, held_back, reason_class
from tasks.queues.system import Queues
from tests.tasks.queues.jobs import (
    BASE,
    NAME,
    REFUSED,
    add,
    door,
    failed,
    job,
    meta,
    now_ms,
    vendor,
    waiting,
    worker,
)
from tests.valkey import Valkey, running

ALL = (
    check_queue_backlog,
    check_queue_workers,
    check_queue_paused,
    check_queue_pace,
    check_stalled_jobs,
    check_queue_schedulers,
    check_failed_jobs,
    check_poisoned_jobs,
)


def test_it_finds_an_empty_server_well(queues: Queues) -> None:
    assert {one.fn(queues).verdict for one in ALL} == {Verdict.OK}


def test_it_asks_nothing_that_holds_everybody_up() -> None:
    """No KEYS, no list, hash or set without an end."""
    with running() as server, server.client() as client:
        meta(client)
        waiting(client, [job(client, 1)])
        failed(client, 2)
        client.config_resetstat()
        with one_question():
            assert {one.fn(door(server, 0)).verdict for one in ALL}
        called = {str(name).removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert "eval_ro" in called
    assert not called & {"keys", "hgetall", "smembers", "sort", "flushdb", "eval", "evalsha"}
    assert not [name for name in called if name.startswith(("config|set", "acl|set"))]


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("named", ["", ":w:two"])
def test_it_knows_a_worker_by_its_connection(
    valkey: Valkey, database: int, client: redis.Redis, queues: Queues, python: bool, named: str
) -> None:
    meta(client)
    waiting(client, [job(client, n) for n in range(600)])
    # Of this test's own: the session's server lists the connections of all databases.
    prefix = f"own{database}"
    queues = door(valkey, database, prefix=prefix, names=[NAME])
    client.copy(f"{BASE}wait", f"{prefix}:{NAME}:wait")
    found = check_queue_workers.fn(queues)
    assert (found.verdict, found.says) == (Verdict.BAD, "Nobody works on emails: 600 jobs are due.")
    events = worker(valkey, database, prefix=prefix, named=":qe")
    assert check_queue_workers.fn(queues).verdict is Verdict.BAD
    there = worker(valkey, database, prefix=prefix, python=python, named=named)
    found = check_queue_workers.fn(queues)
    assert (found.verdict, found.says) == (Verdict.OK, "1 connection of workers to 1 queue.")
    for one in (events, there):
        one.close()


def test_it_wants_no_worker_where_nothing_is_to_do(valkey: Valkey, client: redis.Redis, database: int) -> None:
    queues = door(valkey, database, prefix=f"own{database}", names=[NAME])
    base = f"own{database}:{NAME}:"
    assert check_queue_workers.fn(queues).verdict is Verdict.OK
    client.zadd(f"{base}delayed", {job(client, 1, base=base): (now_ms() + 60_000) * 4096})
    assert check_queue_workers.fn(queues).verdict is Verdict.WARN
    waiting(client, [job(client, 2, base=base)], base=base)
    assert check_queue_workers.fn(queues).verdict is Verdict.BAD
    client.hset(f"{base}meta", "paused", 1)
    assert check_queue_workers.fn(queues).verdict is Verdict.WARN


@pytest.mark.parametrize(("ago_s", "verdict"), [(0, Verdict.WARN), (3500, Verdict.WARN), (3601, Verdict.BAD)])
def test_it_minds_a_pause_that_lasts(client: redis.Redis, queues: Queues, ago_s: float, verdict: Verdict) -> None:
    meta(client, paused=1)
    before = Earlier(at_s=0, value=0, facts={"since": {NAME: time.time() - ago_s}})
    assert check_queue_paused.fn(queues, earlier=before).verdict is verdict


def test_it_tells_workers_that_hang_from_workers_that_are_slow(
    valkey: Valkey, client: redis.Redis, database: int
) -> None:
    base = f"own{database}:{NAME}:"
    queues = door(valkey, database, prefix=f"own{database}", names=[NAME])
    client.xadd(f"{base}events", {"event": "added", "jobId": "1"})
    waiting(client, [job(client, 1, age_s=400, base=base)], base=base)
    assert check_queue_pace.fn(queues).verdict is Verdict.OK
    with worker(valkey, database, prefix=f"own{database}"):
        found = check_queue_pace.fn(queues)
        assert found.verdict is Verdict.BAD
        assert found.says.startswith("emails has 1 jobs due and workers, and finished nothing for 5 min")
        client.xadd(f"{base}events", {"event": "completed", "jobId": "1"})
        assert check_queue_pace.fn(queues).says == "0.2 jobs a minute were completed within the last 5 min."


def test_it_does_not_take_jobs_that_are_removed_at_once_for_none(
    valkey: Valkey, client: redis.Redis, database: int
) -> None:
    """Bull has no stream of events."""
    base = f"own{database}:{NAME}:"
    queues = door(valkey, database, prefix=f"own{database}", names=[NAME])
    waiting(client, [job(client, 1, age_s=400, base=base)], base=base)
    with worker(valkey, database, prefix=f"own{database}"):
        assert check_queue_pace.fn(queues).verdict is Verdict.UNKNOWN
        client.zadd(f"{base}completed", {"7": now_ms()})
        assert check_queue_pace.fn(queues).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("gone", "verdict"), [(0, Verdict.OK), (1, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_finds_jobs_whose_lock_is_gone(client: redis.Redis, queues: Queues, gone: int, verdict: Verdict) -> None:
    """The set called `stalled` is the work list of the check that runs just now: a healthy job is in it."""
    meta(client)
    for number in range(20):
        client.lpush(f"{BASE}active", job(client, number, processedOn=now_ms()))
        if number >= gone:
            client.set(f"{BASE}{number}:lock", "token", px=600_000)
        client.sadd(f"{BASE}stalled", str(number))
    found = check_stalled_jobs.fn(queues)
    assert (found.verdict, found.value) == (verdict, gone)


def test_it_finds_a_scheduler_that_has_lost_its_tick(valkey: Valkey, database: int, queues: Queues) -> None:
    async def scheduled(queue: Queue) -> None:
        await queue.upsertJobScheduler("every-minute", {"every": 60_000}, "tick")

    vendor(valkey, database, scheduled)
    assert check_queue_schedulers.fn(queues).says == "1 scheduler, each with its next tick."
    with valkey.client(database) as client:
        ((name, due),) = client.zrange(f"{BASE}repeat", 0, -1, withscores=True)
        # As if two minutes had passed, and the tick had been drained.
        client.zadd(f"{BASE}repeat", {name: due - 120_000})
        client.delete(*client.keys(f"{BASE}repeat:*:*"))
    found = check_queue_schedulers.fn(queues)
    assert found.verdict is Verdict.BAD
    assert "every-minute of emails" in found.says


def test_it_does_not_take_a_tick_that_waits_for_a_lost_one(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    due = now_ms() - 120_000
    client.zadd(f"{BASE}repeat", {"every-minute": due})
    waiting(client, [job(client, f"repeat:every-minute:{due}")])
    assert check_queue_schedulers.fn(queues).verdict is Verdict.OK


def ask(queues: Queues) -> Finding:
    return check_failed_jobs.fn(queues)


def completed(client: redis.Redis, jobs: int) -> None:
    client.zadd(f"{BASE}completed", {f"done{number}": now_ms() for number in range(jobs)})


@pytest.mark.parametrize(
    ("jobs", "of", "verdict"),
    [
        (0, 100, Verdict.OK),
        (9, 1000, Verdict.OK),
        (10, 1000, Verdict.WARN),
        (49, 1000, Verdict.WARN),
        (50, 1000, Verdict.BAD),
        # Too few for a rate.
        (4, 20, Verdict.OK),
        (5, 20, Verdict.WARN),
        (20, 20, Verdict.BAD),
    ],
)
def test_it_judges_failures_by_rate_or_by_number(
    client: redis.Redis, queues: Queues, jobs: int, of: int, verdict: Verdict
) -> None:
    """Row 4-27: the failed set with its reasons, not a log."""
    meta(client)
    for number in range(jobs):
        failed(client, number)
    if of > jobs:
        completed(client, of - jobs)
    assert ask(queues).verdict is verdict


def test_it_says_why_jobs_fail_without_what_they_hold(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    for number in range(6):
        failed(client, number, reason=f"550 5.1.1 no such user person{number}@example.com, job {number}")
    failed(client, 6, reason="x" * 100_000)
    failed(client, 7, reason="\x1b[31mred\x00\nlines")
    found = ask(queues)
    assert "6 of them 'send' in emails: “550 #.#.# no such user (address) job #”" in found.says.replace(",", "")
    assert "@" not in str(found)
    assert "\x1b" not in found.says + "".join(str(row["reason"]) for row in found.rows)
    assert max(len(str(row["reason"])) for row in found.rows) <= 120


def test_it_leaves_out_what_failed_long_ago(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    for number in range(30):
        failed(client, number, ago_s=4000)
    found = ask(queues)
    assert (found.verdict, found.says) == (
        Verdict.OK,
        "No job failed within the last 60 min; 30 that failed before are kept.",
    )


def test_it_knows_a_workers_death_from_a_jobs_fault(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    failed(client, 1, reason=STALLED)
    failed(client, 2)
    assert ask(queues).facts["workers_died"] == 1


@pytest.mark.parametrize(
    ("tries", "options", "verdict"),
    [
        (1, {}, Verdict.OK),
        (2, {}, Verdict.OK),
        (3, {}, Verdict.WARN),
        (4, {}, Verdict.BAD),
        # As many as it is allowed.
        (5, {"attempts": 5}, Verdict.OK),
        (8, {"attempts": 5, "backoff": {"type": "fixed", "delay": 100}}, Verdict.BAD),
    ],
)
def test_it_finds_a_job_that_fails_again_and_again(
    client: redis.Redis, queues: Queues, tries: int, options: dict[str, Any], verdict: Verdict
) -> None:
    meta(client)
    failed(client, 7, tries=tries)
    client.hset(f"{BASE}7", "opts", str(options).replace("'", '"'))
    assert check_poisoned_jobs.fn(queues).verdict is verdict


def test_it_reads_bulls_own_count_of_tries(client: redis.Redis, queues: Queues) -> None:
    failed(client, 7)
    client.hdel(f"{BASE}7", "atm", "ats")
    client.hset(f"{BASE}7", "attemptsMade", 5)
    client.set(f"{BASE}id", 7)
    found = check_poisoned_jobs.fn(queues)
    assert (found.verdict, found.value) == (Verdict.BAD, 4)


@pytest.mark.parametrize("options", ["not json", "[1, 2", "7", '{"attempts": "many"}', '{"attempts": {}}', "x" * 9000])
def test_it_reads_options_that_nobody_meant(client: redis.Redis, queues: Queues, options: str) -> None:
    meta(client)
    failed(client, 7, tries=4, opts=options)
    waiting(client, [job(client, 8, opts=options)])
    assert check_poisoned_jobs.fn(queues).verdict is Verdict.BAD
    assert check_queue_backlog.fn(queues).verdict is Verdict.OK


def test_it_pages_through_more_than_one_page(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    line = client.pipeline()
    for number in range(2500):
        line.hset(f"{BASE}{number}", mapping={"name": "send", "failedReason": REFUSED, "atm": 1})
    line.zadd(f"{BASE}failed", {str(number): now_ms() - number for number in range(2500)})
    line.execute()
    found = ask(queues)
    assert found.facts["failed"] == 2500
    assert [row["jobs"] for row in found.rows] == [2500]


@pytest.mark.parametrize(
    ("reason", "same"),
    [
        (REFUSED, "ECONNREFUSED"),
        ("getaddrinfo ENOTFOUND api.example.com", "ENOTFOUND"),
        ("", "(no reason given)"),
        ("EVERYTHING", "EVERYTHING"),
    ],
)
def test_it_calls_a_reason_by_its_code(reason: str, same: str) -> None:
    assert reason_class(reason) == same


@pytest.mark.parametrize(
    ("reason", "held"), [("429", True), ("Too Many Requests", True), ("rate limit", True), (REFUSED, False)]
)
def test_it_knows_a_limit_of_pace(reason: str, held: bool) -> None:
    assert held_back(reason) is held


def test_it_keeps_the_status_in_a_reason(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    failed(client, 1, reason="Request 1234 failed with status code 429 after 120 ms")
    (row,) = ask(queues).rows
    assert row["reason"] == "Request # failed with status code 429 after # ms"


def test_it_sees_what_a_vendors_worker_did(valkey: Valkey, database: int, queues: Queues) -> None:
    """The layout that the tests above write is the one that the vendor's own package leaves."""
    import asyncio

    from bullmq import Worker

    add(valkey, database, 4)

    async def run(queue: Queue) -> None:
        async def process(one: Any, token: str) -> None:
            if one.data["n"] % 2:
                raise ConnectionError(REFUSED)

        working = Worker(NAME, process, {"connection": queue.opts["connection"], "autorun": False})
        for _ in range(4):
            await working.processJob(await working.getNextJob("token"), "token")
        await asyncio.wait_for(working.close(), 20)

    vendor(valkey, database, run)
    look = queues.look(NAME)
    assert (look.due, look.active, look.failed, look.completed) == (0, 0, 2, 2)
    assert [row["reason"] for row in ask(queues).rows] == ["ECONNREFUSED"]
