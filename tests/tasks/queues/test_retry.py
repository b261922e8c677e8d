"""Failed jobs go back into their queue: within what was approved, however the set has moved since."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
import redis
from bullmq import Queue

from tasks.bounded import Bounds
from tasks.model import Plan, Refused
from tasks.queues import changing, retry, system
from tasks.queues.found import STALLED
from tasks.queues.retry import RetryFailedJobs
from tasks.queues.system import Queues
from tests.tasks.queues.jobs import BASE, NAME, REFUSED, add, door, failed, job, meta, now_ms, vendor, waiting
from tests.valkey import Valkey

ACTION = RetryFailedJobs()


def plan(queues: Queues) -> Plan:
    return ACTION.plan(queues=queues)


def fails(client: redis.Redis, jobs: Sequence[int], *, ago_s: float = 60, reason: str = REFUSED) -> None:
    for number in jobs:
        failed(client, number, ago_s=ago_s, reason=reason)


def test_it_describes_what_it_will_do(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(3))
    client.zadd(f"{BASE}failed", {"0": 1_800_000_000_000, "1": 1_800_000_001_000, "2": 1_800_000_002_500})
    made = plan(queues)
    (command,) = made.commands
    assert command.line == (
        "retry jobs of emails that failed until 2027-01-15 08:00:02 UTC, reason ECONNREFUSED, at most 3"
    )
    assert command.target == {
        "of": {"queue": "emails", "reason": "ECONNREFUSED", "since": 1_799_913_600_000},
        "until": 1_800_000_002_500,
        "most": 3,
    }
    assert str(made.blast_radius) == "3 of 3 failed jobs"


def test_it_describes_an_unchanged_set_in_the_same_words(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(20))
    first = plan(queues)
    time.sleep(0.01)
    assert plan(queues).effect == first.effect


def test_it_puts_exactly_those_back_that_were_described(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(10))
    fails(client, range(10, 15), reason="TypeError: x is undefined")
    approved = plan(queues)
    assert len(approved.commands) == 1
    assert "5 jobs left out: another reason, or failed again and again." in approved.does
    # Meanwhile: one is gone, one was tried and failed anew, two new ones fail.
    client.zrem(f"{BASE}failed", "3")
    client.delete(f"{BASE}3")
    failed(client, 4, ago_s=0)
    fails(client, [20, 21], ago_s=0)
    now = ACTION.within(approved, queues=queues)
    assert now.blast_radius.touched == 8
    assert ACTION.beyond(plan(queues), approved)
    outcome = ACTION.apply(queues=queues, plan=now)
    assert outcome.complete
    assert outcome.says.startswith("8 jobs went back into their queue; 0 of what was approved")
    assert sorted(client.lrange(f"{BASE}wait", 0, -1), key=int) == ["0", "1", "2", "5", "6", "7", "8", "9"]
    assert set(client.zrange(f"{BASE}failed", 0, -1)) == {"4", "10", "11", "12", "13", "14", "20", "21"}
    assert client.hget(f"{BASE}0", "failedReason") is None
    assert ACTION.applied(queues=queues, plan=approved) is True


def test_it_is_harmless_a_second_time(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(5))
    approved = plan(queues)
    ACTION.apply(queues=queues, plan=approved)
    # They are tried, and fail again: later than what was approved.
    client.delete(f"{BASE}wait")
    fails(client, range(5), ago_s=0)
    outcome = ACTION.apply(queues=queues, plan=approved)
    assert outcome.says.startswith("No job went back")
    assert client.llen(f"{BASE}wait") == 0


def test_it_goes_on_within_the_description_after_a_crash(
    client: redis.Redis, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta(client)
    fails(client, range(9))
    approved = plan(queues)
    real = changing.retry
    monkeypatch.setattr(retry, "retry", lambda a, b, jobs, most: real(a, b, jobs[:4], most))
    assert not ACTION.apply(queues=queues, plan=approved).complete
    assert ACTION.applied(queues=queues, plan=approved) is False
    monkeypatch.undo()
    assert ACTION.within(approved, queues=queues).blast_radius.touched == 5
    assert ACTION.apply(queues=queues, plan=approved).complete
    assert client.llen(f"{BASE}wait") == 9


def test_it_never_retries_more_than_was_approved(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(5))
    approved = plan(queues)
    # Whoever can write there can also write a moment of failure.
    for number in range(100, 110):
        failed(client, number, ago_s=3000)
    ACTION.apply(queues=queues, plan=approved)
    assert client.llen(f"{BASE}wait") == 5


def test_it_takes_as_many_as_it_may_at_a_time(
    client: redis.Redis, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MOST", 3)
    meta(client)
    for number in range(7):
        failed(client, number, ago_s=60 - number)
    bounds = Bounds.of_command(plan(queues).commands[0])
    assert (bounds.most, bounds.until) == (3, int(client.zscore(f"{BASE}failed", "2") or 0))


def test_it_leaves_yesterdays_jobs_alone(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    fails(client, range(3))
    fails(client, range(10, 15), ago_s=3 * 86_400)
    ACTION.apply(queues=queues, plan=plan(queues))
    assert client.zcard(f"{BASE}failed") == 5


def test_it_leaves_poisoned_jobs_alone(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    failed(client, 1)
    failed(client, 2, tries=4)
    made = plan(queues)
    assert made.blast_radius.touched == 1
    ACTION.apply(queues=queues, plan=made)
    assert client.zrange(f"{BASE}failed", 0, -1) == ["2"]


def test_it_warns_of_a_limit_of_pace_and_retries_what_a_dead_worker_left(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    failed(client, 1, reason="Request failed with status code 429")
    failed(client, 2, reason=STALLED)
    made = plan(queues)
    assert "held back for their pace" in made.does
    assert len(made.commands) == 2
    assert "sends it twice" in made.loses


def test_it_keeps_priorities_order_and_markers(valkey: Valkey, database: int, queues: Queues) -> None:
    """As the vendor's script does it; by hand all three are lost."""
    with valkey.client(database) as client:
        meta(client)
        waiting(client, [job(client, "first")])
        failed(client, 1, ago_s=50)
        failed(client, 2, priority=7)
        failed(client, 3, opts='{"lifo": true}')
        client.delete(f"{BASE}marker")
        ACTION.apply(queues=queues, plan=plan(queues))
        assert client.lrange(f"{BASE}wait", 0, -1) == ["1", "first", "3"]
        assert client.zrange(f"{BASE}prioritized", 0, -1) == ["2"]
        assert client.exists(f"{BASE}marker")

    async def state(queue: Queue) -> str:
        from tests.tasks.queues.jobs import get_job

        return str(await (await get_job(queue, "2")).getState())

    assert vendor(valkey, database, state) == "prioritized"


def test_it_takes_no_job_of_a_paused_queue_of_bullmq_5(client: redis.Redis, queues: Queues) -> None:
    """Its resume would put the list of paused jobs over those that wait."""
    meta(client, "bullmq:5.81.5")
    fails(client, range(3))
    approved = plan(queues)
    client.hset(f"{BASE}meta", "paused", 1)
    for ask in (lambda: plan(queues), lambda: ACTION.apply(queues=queues, plan=approved)):
        with pytest.raises(Refused, match="would be lost when it is resumed"):
            ask()
    assert client.zcard(f"{BASE}failed") == 3


def test_it_leaves_bulls_queues_alone(client: redis.Redis, queues: Queues) -> None:
    client.set(f"{BASE}id", 3)
    fails(client, range(3))
    made = plan(queues)
    assert not made.commands
    assert "Bull's, and is left alone" in made.does


def test_it_says_that_there_is_nothing(queues: Queues) -> None:
    made = plan(queues)
    assert (made.does, made.commands) == (
        "Nothing to retry: no job failed for a reason that passes by itself.",
        (),
    )


def test_it_retries_nothing_without_an_account_for_that(client: redis.Redis, valkey: Valkey, database: int) -> None:
    meta(client)
    fails(client, range(3))
    queues = door(valkey, database, action_username=None, action_password=None)
    with pytest.raises(Refused, match="No account is configured"):
        ACTION.apply(queues=queues, plan=plan(queues))


def test_it_pages(client: redis.Redis, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "FAILED_PAGE", 10)
    meta(client)
    fails(client, range(35))
    made = plan(queues)
    assert made.blast_radius.touched == 35
    assert ACTION.apply(queues=queues, plan=made).complete
    assert client.llen(f"{BASE}wait") == 35


def test_it_can_be_done_by_the_vendors_own_way_too(valkey: Valkey, database: int, queues: Queues) -> None:
    """A queue of its making: what it calls failed is what we retry, and its worker takes it."""
    add(valkey, database, 2)
    with valkey.client(database) as client:
        for number in client.lrange(f"{BASE}wait", 0, -1):
            client.hset(f"{BASE}{number}", mapping={"failedReason": REFUSED, "finishedOn": now_ms(), "atm": 1})
            client.zadd(f"{BASE}failed", {number: now_ms()})
        client.delete(f"{BASE}wait")
    ACTION.apply(queues=queues, plan=plan(queues))
    assert queues.look(NAME).wait == 2
