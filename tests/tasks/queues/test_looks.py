"""How a queue stands, whichever library keeps it: its counts, its pause, its oldest job."""

from __future__ import annotations

import pytest
import redis
from bullmq import Queue
from pydantic import ValidationError

from tasks.model import CannotLook, Refused, Verdict
from tasks.queues import system
from tasks.queues.checks import check_queue_backlog, check_queue_paused
from tasks.queues.system import Queues
from tests.tasks.queues.jobs import BASE, NAME, add, door, job, meta, now_ms, vendor, waiting
from tests.valkey import Valkey


def test_it_counts_what_the_vendor_counts(valkey: Valkey, database: int, queues: Queues) -> None:
    """Row 4-13 of the sources: a key called `waiting` exists in no version."""
    add(valkey, database, 7)
    add(valkey, database, 3, priority=2)
    add(valkey, database, 2, delay=600_000)

    async def counts(queue: Queue) -> dict[str, int]:
        return dict(await queue.getJobCounts("waiting", "prioritized", "delayed", "active", "failed"))

    theirs = vendor(valkey, database, counts)
    look = queues.look(NAME)
    assert (look.wait, look.prioritized, look.delayed) == (7, 3, 2)
    assert (theirs["waiting"], theirs["prioritized"], theirs["delayed"]) == (7, 3, 2)
    assert look.due == 10
    assert (look.library, look.major, look.paused) == ("BullMQ", None, False)
    with valkey.client(database) as client:
        assert client.llen(f"{BASE}waiting") == 0


def test_it_sees_jobs_that_a_pause_has_moved(client: redis.Redis, queues: Queues) -> None:
    """Row 4-14: Bull 4 and BullMQ 5 move them, BullMQ 6 leaves them where they are."""
    meta(client, "bullmq:5.81.5", paused=1)
    waiting(client, [job(client, n) for n in range(1, 4)], "paused")
    look = queues.look(NAME)
    assert (look.said, look.paused, look.wait, look.held, look.due) == ("BullMQ 5", True, 0, 3, 3)


def test_it_sees_that_bullmq_6_is_paused(valkey: Valkey, database: int, queues: Queues) -> None:
    add(valkey, database, 5)
    vendor(valkey, database, lambda queue: queue.pause())
    look = queues.look(NAME)
    assert (look.paused, look.wait, look.held) == (True, 5, 0)
    found = check_queue_paused.fn(queues)
    assert found.verdict is Verdict.WARN
    assert found.says.startswith("1 queue is paused (emails), for 0 s at least")


def test_it_tells_bull_4_from_bullmq(client: redis.Redis, queues: Queues) -> None:
    """Bull 4 has a hash called `meta`, too, once it was paused: its being there says nothing."""
    client.set(f"{BASE}id", 16)
    client.set(f"{BASE}meta-paused", 1)
    client.hset(f"{BASE}meta", "paused", 1)
    waiting(client, [job(client, n, attemptsMade=0) for n in range(1, 5)], "paused")
    look = queues.look(NAME)
    assert (look.said, look.paused, look.held) == ("Bull", True, 4)


def test_it_takes_a_failed_set_for_what_it_is(client: redis.Redis, queues: Queues) -> None:
    """Row 4-15: LLEN of it is an error, with which redis-cli exits 0."""
    meta(client)
    client.zadd(f"{BASE}failed", {"1": 1, "2": 2})
    assert queues.look(NAME).failed == 2


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [(290, Verdict.OK), (301, Verdict.WARN), (890, Verdict.WARN), (901, Verdict.BAD)],
)
@pytest.mark.parametrize("where", ["wait", "paused", "prioritized", "delayed"])
def test_it_judges_the_age_of_the_oldest_job_wherever_it_is(
    client: redis.Redis, queues: Queues, where: str, age_s: float, verdict: Verdict
) -> None:
    """The row on queue depth: age decides, depth is only shown."""
    meta(client)
    waiting(client, [job(client, n) for n in range(1, 301)])
    old = job(client, "old", age_s=age_s)
    if where == "delayed":
        client.zadd(f"{BASE}delayed", {old: (now_ms() - age_s * 1000) * 4096})
    elif where == "prioritized":
        client.zadd(f"{BASE}prioritized", {job(client, n, priority=1): 2**32 + n for n in range(400, 500)})
        client.zadd(f"{BASE}prioritized", {old: 7 * 2**32 + 1})
    else:
        client.rpush(f"{BASE}{where}", old)
    found = check_queue_backlog.fn(queues)
    assert found.verdict is verdict, found.says
    assert "jobs are due" in found.says


def test_it_says_the_whole_sentence(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    waiting(client, [job(client, n, age_s=605) for n in range(600)])
    found = check_queue_backlog.fn(queues)
    assert found.says == "600 jobs are due in 1 queue, the oldest for 10 min, in emails (600 jobs) (bad from 15 min)."
    assert found.rows[0]["due"] == 600


def test_it_counts_a_delayed_job_from_when_it_is_due(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    waiting(client, [job(client, 1, age_s=86_400, options={"delay": 86_390_000})])
    assert check_queue_backlog.fn(queues).verdict is Verdict.OK
    client.zadd(f"{BASE}delayed", {job(client, 2, age_s=86_400): (now_ms() + 60_000) * 4096})
    look = queues.look(NAME)
    assert (look.delayed, look.overdue) == (1, 0)


def test_it_does_not_take_a_retried_job_for_an_old_one(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    waiting(client, [job(client, n, age_s=86_400, atm=1) for n in range(3)])
    found = check_queue_backlog.fn(queues)
    assert found.verdict is Verdict.UNKNOWN
    assert "each was tried before" in found.says
    waiting(client, [job(client, "fresh", age_s=1000)])
    assert check_queue_backlog.fn(queues).verdict is Verdict.BAD


def test_it_finds_the_queues_that_are_there(client: redis.Redis, queues: Queues, valkey: Valkey, database: int) -> None:
    meta(client)
    client.set("bull:old:id", 4)
    meta(client, base="bull:own-ids:")
    client.set("bull:emails:repeat:id", 1)
    client.set("bull:bad\x1b[31m:id", 1)
    client.set("cache:page:id", 1)
    client.set("bulls:other:id", 1)
    assert queues.queues() == ("emails", "old", "own-ids")
    assert door(valkey, database, names=["emails"]).queues() == ("emails",)


def test_it_takes_a_prefix_word_for_word(client: redis.Redis, valkey: Valkey, database: int) -> None:
    meta(client, base="{a*}:emails:")
    meta(client, base="{ab}:other:")
    assert door(valkey, database, prefix="{a*}").queues() == ("emails",)


def test_it_does_not_look_through_keys_without_end(
    client: redis.Redis, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "PAGE", 10)
    monkeypatch.setattr(system, "PAGES", 2)
    client.mset({f"cache:{n}": "x" for n in range(1000)})
    with pytest.raises(CannotLook, match="more than can be looked through"):
        queues.queues()


def test_it_takes_what_is_no_queue_for_empty(client: redis.Redis, queues: Queues) -> None:
    client.set(f"{BASE}id", "many")
    client.set(f"{BASE}wait", "text")
    client.rpush(f"{BASE}meta", "list")
    client.set(f"{BASE}failed", "text")
    look = queues.look(NAME)
    assert (look.wait, look.failed, look.library) == (0, 0, "Bull")


def test_it_changes_nothing_without_an_account_for_that(valkey: Valkey, database: int) -> None:
    queues = door(valkey, database, action_username=None, action_password=None)
    with pytest.raises(Refused, match="No account is configured") as said, queues.acting():
        pass
    assert "~bull:*" in said.value.remedy


def test_it_examines_what_is_there(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    found = list(queues.examine())
    assert [one.verdict for one in found] == [Verdict.OK, Verdict.OK]
    assert found[1].says == "1 queue under 'bull': emails (BullMQ 6)."


@pytest.mark.parametrize("wrong", [{"names": ["a:b"]}, {"names": [""]}, {"prefix": "a b"}, {"major": 4}])
def test_it_refuses_names_that_no_queue_has(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Queues.model_validate({"host": "127.0.0.1", **wrong})
