"""Queues are paused, resumed, and their workers restarted, without a job that is lost or runs twice."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
import redis

from tasks.model import Outcome, Plan, Refused, Risk
from tasks.queues import actions
from tasks.queues.actions import PauseFailingQueues, PauseQueues, RestartQueueWorkers, ResumeQueues
from tasks.queues.poisoned import PutBackJobs, RemovePoisonedJobs
from tasks.queues.system import Queues
from tasks.service.system import WorkerService
from tests.tasks.queues.jobs import BASE, NAME, add, door, failed, job, meta, vendor, waiting
from tests.valkey import Valkey, running

KEEPER = Path(__file__).parents[1] / "service" / "keeper.py"


@pytest.fixture
def workers(tmp_path: Path) -> WorkerService:
    """A service whose commands leave a trace."""
    trace = f"import pathlib; p = pathlib.Path({str(tmp_path / 'up')!r}); "
    said: dict[str, tuple[str, ...]] = {
        "restart": (sys.executable, "-c", trace + "p.write_text('x' + (p.read_text() if p.exists() else ''))"),
        "status": (sys.executable, "-c", trace + "raise SystemExit(0 if p.exists() else 3)"),
    }
    return WorkerService(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["bullmq:5.81.5", "bullmq:6.7.0"])
def test_it_pauses_and_resumes_as_that_major_does(client: redis.Redis, queues: Queues, version: str) -> None:
    meta(client, version)
    waiting(client, [job(client, n) for n in range(1, 6)])
    order = client.lrange(f"{BASE}wait", 0, -1)
    pausing = PauseQueues()
    plan = pausing.plan(queues)
    assert [command.line for command in plan.commands] == ["pause queue emails"]
    assert plan.risk is Risk.HIGH
    outcome = pausing.apply(queues, plan)
    assert (outcome.says, outcome.complete) == ("1 of 1 queue is paused.", True)
    assert client.lrange(f"{BASE}{'paused' if '5' in version else 'wait'}", 0, -1) == order
    assert not client.exists(f"{BASE}marker")
    assert pausing.applied(queues, plan)
    assert not pausing.plan(queues).commands
    back = pausing.undo(plan, outcome)
    assert back.apply(queues=queues, plan=back.plan(queues=queues)).complete
    assert client.lrange(f"{BASE}wait", 0, -1) == order
    assert client.exists(f"{BASE}marker")
    assert not queues.look(NAME).paused


def test_it_leaves_a_queue_alone_that_is_between_pause_and_resume(client: redis.Redis, queues: Queues) -> None:
    meta(client, "bullmq:5.81.5")
    waiting(client, [job(client, 1)])
    waiting(client, [job(client, 2)], "paused")
    pausing = PauseQueues()
    with pytest.raises(Refused, match="both waiting and paused"):
        pausing.apply(queues, pausing.plan(queues))
    assert (client.llen(f"{BASE}wait"), client.llen(f"{BASE}paused")) == (1, 1)


def test_it_resumes_more_than_the_vendor_does_at_a_time(client: redis.Redis, queues: Queues) -> None:
    meta(client, "bullmq:5.81.5", paused=1)
    client.rpush(f"{BASE}paused", *(str(n) for n in range(15_000)))
    client.rpush(f"{BASE}wait", "x")
    resuming = ResumeQueues()
    assert resuming.apply(queues, resuming.plan(queues)).complete
    assert (client.llen(f"{BASE}wait"), client.llen(f"{BASE}paused")) == (15_001, 0)


def test_it_pauses_nothing_of_an_unknown_major(valkey: Valkey, database: int, queues: Queues) -> None:
    add(valkey, database, 3)
    with pytest.raises(Refused, match="the wrong one loses jobs") as said:
        PauseQueues().plan(queues)
    assert said.value.remedy.startswith("major = 6")
    told = door(valkey, database, major=6)
    pausing = PauseQueues()
    assert pausing.apply(told, pausing.plan(told)).complete


def test_it_pauses_nothing_of_bulls(client: redis.Redis, queues: Queues) -> None:
    client.set(f"{BASE}id", 1)
    with pytest.raises(Refused, match="queue of Bull"):
        PauseQueues().plan(queues)


@pytest.mark.parametrize("version", ["bullmq:5.81.5", "bullmq:6.7.0"])
def test_it_says_that_a_full_server_takes_no_pause(version: str) -> None:
    """With its memory full even a pause is refused."""
    with running() as server, server.client() as client:
        meta(client, version)
        client.config_set("maxmemory", 1)
        queues, pausing = door(server, 0), PauseQueues()
        with pytest.raises(Refused, match="memory is full"):
            pausing.apply(queues, pausing.plan(queues))
        assert not queues.look(NAME).paused


def test_it_pauses_only_the_queues_that_fail(client: redis.Redis, queues: Queues) -> None:
    meta(client)
    meta(client, base="bull:other:")
    failed(client, 1)
    assert [one.line for one in PauseFailingQueues().plan(queues).commands] == ["pause queue emails"]
    client.delete(f"{BASE}failed")
    assert not PauseFailingQueues().plan(queues).commands


def test_it_restarts_at_once_where_nothing_is_under_way(
    client: redis.Redis, queues: Queues, workers: WorkerService
) -> None:
    meta(client)
    waiting(client, [job(client, n) for n in range(600)])
    client.lpush(f"{BASE}active", job(client, "left"))
    restarting = RestartQueueWorkers()
    plan = restarting.plan(queues, workers)
    assert plan.does == "Restart the workers. 600 jobs are due. Its service says that it is stopped."
    assert "runs again" in plan.loses
    assert "twice fails" in restarting.notes.replace("\n", " ")
    assert restarting.apply(queues, workers, plan).complete
    assert restarting.applied(queues, workers, plan)
    assert not queues.look(NAME).paused


def test_it_lets_jobs_under_way_finish_before_a_restart(
    valkey: Valkey, database: int, queues: Queues, workers: WorkerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 4-11 of the sources."""
    monkeypatch.setattr(actions, "POLL_S", 0.01)
    with valkey.client(database) as client:
        meta(client)
        client.lpush(f"{BASE}active", job(client, 1))
        client.set(f"{BASE}1:lock", "token")
        restarting = RestartQueueWorkers()
        plan = restarting.plan(queues, workers)
        assert plan.does.startswith("Pause the queues, wait until their 1 job under way are finished")
        done: list[Outcome] = []
        thread = threading.Thread(target=lambda: done.append(restarting.apply(queues, workers, plan)))
        thread.start()
        while not queues.look(NAME).paused:
            assert thread.is_alive()
        assert not workers.running()
        client.lrem(f"{BASE}active", 0, "1")
        thread.join(60)
    assert done[0].complete
    assert workers.running()
    assert not queues.look(NAME).paused


def test_it_restarts_nothing_while_a_job_does_not_finish(
    client: redis.Redis, queues: Queues, workers: WorkerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "DRAINED_WITHIN_S", 0.0)
    meta(client)
    client.lpush(f"{BASE}active", job(client, 1))
    client.set(f"{BASE}1:lock", "token")
    restarting = RestartQueueWorkers()
    with pytest.raises(Refused, match="1 job were still under way"):
        restarting.apply(queues, workers, restarting.plan(queues, workers))
    assert not workers.running()
    assert not queues.look(NAME).paused


def test_it_takes_up_a_restart_that_broke_off(client: redis.Redis, queues: Queues, workers: WorkerService) -> None:
    meta(client)
    client.set(f"incident:paused:{BASE}", 1)
    client.hset(f"{BASE}meta", "paused", 1)
    restarting = RestartQueueWorkers()
    plan = restarting.plan(queues, workers)
    assert restarting.applied(queues, workers, plan) is False
    assert restarting.apply(queues, workers, plan).complete
    assert not queues.look(NAME).paused
    assert not client.exists(f"incident:paused:{BASE}")


def test_it_resumes_no_queue_that_somebody_else_has_paused(
    client: redis.Redis, queues: Queues, workers: WorkerService
) -> None:
    meta(client, paused=1)
    restarting = RestartQueueWorkers()
    assert restarting.apply(queues, workers, restarting.plan(queues, workers)).complete
    assert queues.look(NAME).paused


def poisoned(client: redis.Redis) -> tuple[RemovePoisonedJobs, object]:
    meta(client)
    failed(client, 1)
    failed(client, 7, tries=4, data='{"to": "somebody@example.com"}', name="welcome")
    client.rpush(f"{BASE}7:logs", "half way")
    return RemovePoisonedJobs(), client.hgetall(f"{BASE}7")


def test_it_takes_out_exactly_the_poisoned_job_and_puts_it_back(client: redis.Redis, queues: Queues) -> None:
    removing, was = poisoned(client)
    at = client.zscore(f"{BASE}failed", "7")
    plan = removing.plan(queues)
    assert [one.line for one in plan.commands] == [
        "remove job 7 ('welcome') of emails, tried again 3 times: ECONNREFUSED"
    ]
    outcome = removing.apply(queues, plan)
    assert (outcome.says, outcome.complete) == ("1 job taken out and kept aside.", True)
    assert client.zrange(f"{BASE}failed", 0, -1) == ["1"]
    assert not client.exists(f"{BASE}7", f"{BASE}7:logs")
    assert 0 < client.ttl(f"incident:aside:{BASE}7") <= 30 * 86_400
    assert "somebody" not in str((plan, outcome))
    assert removing.applied(queues, plan)
    back = removing.undoing(plan, outcome)
    assert back is not None
    assert back.apply(queues=queues, plan=back.plan(queues=queues)).complete
    assert (client.hgetall(f"{BASE}7"), client.zscore(f"{BASE}failed", "7")) == (was, at)
    assert client.lrange(f"{BASE}7:logs", 0, -1) == ["half way"]
    assert client.ttl(f"{BASE}7") == -1
    assert not client.keys("incident:*")
    assert back.applied(queues=queues, plan=plan)
    assert not back.plan(queues=queues).commands


def test_it_leaves_a_job_alone_that_was_tried_since(client: redis.Redis, queues: Queues) -> None:
    removing, _ = poisoned(client)
    plan = removing.plan(queues)
    failed(client, 7, tries=5, ago_s=0)
    outcome = removing.apply(queues, plan)
    assert (outcome.complete, len(outcome.not_done)) == (False, 1)
    assert client.exists(f"{BASE}7")
    assert removing.undoing(plan, outcome) is None


def test_it_leaves_a_job_to_a_worker_that_has_taken_it(client: redis.Redis, queues: Queues) -> None:
    removing, _ = poisoned(client)
    plan = removing.plan(queues)
    client.set(f"{BASE}7:lock", "token")
    assert not removing.apply(queues, plan).complete
    assert client.exists(f"{BASE}7")
    assert not client.keys("incident:*")


def test_it_puts_no_job_over_one_of_the_same_id(client: redis.Redis, queues: Queues) -> None:
    removing, _ = poisoned(client)
    plan = removing.plan(queues)
    removing.apply(queues, plan)
    job(client, 7, name="another")
    back = PutBackJobs([(NAME, "7", 1)])
    assert not back.apply(queues, back.plan(queues)).complete
    assert client.hget(f"{BASE}7", "name") == "another"


def test_it_drains_no_scheduler(valkey: Valkey, database: int, queues: Queues) -> None:
    """drain() with ordinary jobs before a scheduler's due tick drops the tick: nothing of ours calls it."""

    async def scheduled(queue: object) -> None:
        await queue.upsertJobScheduler("tick", {"every": 60_000}, "tick")  # type: ignore[attr-defined]

    vendor(valkey, database, scheduled)
    with valkey.client(database) as client:
        removing, _ = poisoned(client)
        ticks = set(client.keys(f"{BASE}repeat:*"))
        removing.apply(queues, removing.plan(queues))
        assert set(client.keys(f"{BASE}repeat:*")) == ticks


def test_it_changes_nothing_by_an_empty_plan(queues: Queues) -> None:
    plans: list[Plan] = [RemovePoisonedJobs().plan(queues), PauseQueues().plan(queues), ResumeQueues().plan(queues)]
    assert not any(one.commands for one in plans)
