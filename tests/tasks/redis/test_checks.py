"""What a Redis server says about itself: both sides of each line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tasks.model import CannotLook, Verdict
from tasks.redis import checks
from tasks.redis.checks import (
    check_redis_answers,
    check_redis_clients,
    check_redis_eviction,
    check_redis_keyspace,
    check_redis_memory,
    check_redis_persistence,
    check_redis_slow_log,
)
from tasks.redis.system import Redis
from tests.valkey import Valkey, running

MIB = 1024 * 1024


def door(valkey: Valkey, database: int = 0) -> Redis:
    return Redis(**valkey.settings(database))


@contextmanager
def told(monkeypatch: pytest.MonkeyPatch, **what: object) -> Iterator[Redis]:
    """A server whose INFO says this."""
    monkeypatch.setattr(checks, "info", lambda _: {name: str(value) for name, value in what.items()})
    yield Redis(host="192.0.2.1")


def test_it_finds_a_healthy_server_well(valkey: Valkey) -> None:
    asked = (check_redis_answers, check_redis_eviction, check_redis_memory, check_redis_persistence)
    found = [one.fn(door(valkey, valkey.fresh())) for one in (*asked, check_redis_clients, check_redis_keyspace)]
    assert {one.verdict for one in found} == {Verdict.OK}, [one.says for one in found]


@pytest.mark.parametrize(
    ("used", "verdict"), [(79, Verdict.OK), (80, Verdict.WARN), (94, Verdict.WARN), (95, Verdict.BAD)]
)
def test_it_judges_memory_by_its_limit(monkeypatch: pytest.MonkeyPatch, used: int, verdict: Verdict) -> None:
    with told(monkeypatch, used_memory=used * MIB, maxmemory=100 * MIB) as redis:
        found = check_redis_memory.fn(redis)
    assert found.verdict is verdict
    assert found.says == f"192.0.2.1:6379 uses {used}.0 MiB of 100 MiB, {used}% (bad from 95%)."


def test_it_says_that_there_is_no_limit_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with told(monkeypatch, used_memory=5 * MIB, maxmemory=0) as redis:
        found = check_redis_memory.fn(redis)
    assert (found.verdict, "no maxmemory" in found.says) == (Verdict.OK, True)


@pytest.mark.parametrize(
    ("policy", "maxmemory", "evicted", "verdict"),
    [
        ("noeviction", 0, 0, Verdict.OK),
        ("noeviction", MIB, 0, Verdict.OK),
        ("noeviction", MIB, 1, Verdict.BAD),
        ("allkeys-lru", 0, 0, Verdict.WARN),
        ("allkeys-lru", MIB, 0, Verdict.BAD),
        ("volatile-lru", MIB, 0, Verdict.WARN),
    ],
)
def test_it_wants_no_eviction_where_queues_live(
    monkeypatch: pytest.MonkeyPatch, policy: str, maxmemory: int, evicted: int, verdict: Verdict
) -> None:
    with told(monkeypatch, maxmemory_policy=policy, maxmemory=maxmemory, evicted_keys=evicted) as redis:
        assert check_redis_eviction.fn(redis).verdict is verdict


@pytest.mark.parametrize(
    ("age_s", "changes", "more", "verdict"),
    [
        (3500, 10, {}, Verdict.OK),
        (3700, 10, {}, Verdict.WARN),
        (6 * 3600 + 60, 10, {}, Verdict.BAD),
        # Nothing to lose.
        (6 * 3600 + 60, 0, {}, Verdict.OK),
        (6 * 3600 + 60, 10, {"aof_enabled": 1, "aof_last_write_status": "ok"}, Verdict.OK),
        (10, 10, {"aof_enabled": 1, "aof_last_write_status": "err"}, Verdict.BAD),
        (10, 10, {"rdb_last_bgsave_status": "err"}, Verdict.BAD),
    ],
)
def test_it_tells_what_a_kill_would_lose(
    monkeypatch: pytest.MonkeyPatch, age_s: float, changes: int, more: dict[str, object], verdict: Verdict
) -> None:
    said = {"rdb_last_save_time": int(time.time() - age_s), "rdb_changes_since_last_save": changes, "aof_enabled": 0}
    with told(monkeypatch, **{**said, **more}) as redis:
        assert check_redis_persistence.fn(redis).verdict is verdict


def test_it_counts_what_a_kill_really_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 4-12 of the sources: a server that is killed comes back as of its last save."""
    with running("--appendonly", "no") as server:
        with server.client() as client:
            client.rpush("bull:emails:wait", *range(500))
            found = check_redis_persistence.fn(door(server))
            assert found.facts["appends"] is False
            assert int(str(found.facts["changes"])) >= 500
        server.kill()
        server.start()
        with server.client() as client:
            assert client.llen("bull:emails:wait") == 0


@pytest.mark.parametrize(("there", "verdict"), [(79, Verdict.OK), (80, Verdict.WARN), (95, Verdict.BAD)])
def test_it_judges_connections_by_their_limit(monkeypatch: pytest.MonkeyPatch, there: int, verdict: Verdict) -> None:
    with told(monkeypatch, connected_clients=there, maxclients=100, blocked_clients=7) as redis:
        assert check_redis_clients.fn(redis).verdict is verdict


def test_it_does_not_take_what_is_not_told_for_health(monkeypatch: pytest.MonkeyPatch) -> None:
    with told(monkeypatch, connected_clients=1) as redis, pytest.raises(CannotLook, match="maxclients"):
        check_redis_clients.fn(redis)


def test_it_shows_a_slow_command_without_its_arguments() -> None:
    with running("--slowlog-log-slower-than", "0") as server, server.client() as client:
        client.set("bull:emails:1", "somebody@example.com")
        found = check_redis_slow_log.fn(door(server))
    assert found.verdict is Verdict.OK
    assert "SET" in {row["command"] for row in found.rows}
    assert "example.com" not in str(found)


def test_it_warns_where_flushdb_would_take_queues_along(valkey: Valkey) -> None:
    database = valkey.fresh()
    with valkey.client(database) as client:
        client.hset("bull:emails:meta", mapping={"version": "bullmq:6.7.0"})
        client.rpush("bull:emails:wait", "1")
        assert check_redis_keyspace.fn(door(valkey, database)).verdict is Verdict.OK
        client.set("cache:page:1", "x")
        client.set("session", "x")
        found = check_redis_keyspace.fn(door(valkey, database))
    assert found.verdict is Verdict.WARN
    assert "FLUSHDB would take the queues along" in found.says
    assert "cache" in found.says


def test_it_does_not_warn_of_a_cache_alone(valkey: Valkey) -> None:
    database = valkey.fresh()
    with valkey.client(database) as client:
        client.set("cache:page:1", "x")
        client.set("sessions:meta", "x")
    assert check_redis_keyspace.fn(door(valkey, database)).verdict is Verdict.OK


def test_it_looks_at_a_few_pages_of_many_keys(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAGE", 10)
    monkeypatch.setattr(checks, "PAGES", 3)
    database = valkey.fresh()
    with valkey.client(database) as client:
        client.mset({f"cache:{number}": "x" for number in range(1000)})
        found = check_redis_keyspace.fn(door(valkey, database))
    assert found.value == 1000
    assert sum(int(str(row["keys"])) for row in found.rows) < 100


def test_it_has_no_question_about_a_hit_rate() -> None:
    """Row 4-34 of the sources: on a server of queues it is the queues' own traffic."""
    assert not any("hit" in name for name in vars(checks) if name.startswith("check_"))
