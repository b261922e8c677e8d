"""Is a Redis server restarted only while it does not answer, and never for a password or while it loads?"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import SecretStr

from deployments.ports import free_port
from tasks.model import CannotLook, Risk
from tasks.redis import system
from tasks.redis.actions import RestartCache
from tasks.redis.system import Redis
from tasks.service.system import CacheService
from tests.tasks.service.conftest import commands, folder, pid_of
from tests.valkey import Valkey

__all__ = ["folder"]
RESTART = RestartCache()


@pytest.fixture
def service(folder: Path) -> CacheService:
    return CacheService(**commands(folder))


def test_it_leaves_one_that_answers(valkey: Valkey, service: CacheService) -> None:
    plan = RESTART.plan(Redis(**valkey.settings(valkey.fresh())), service)
    assert (plan.commands, plan.does) == ((), "Nothing to restart: the Redis server answers.")


def test_it_leaves_one_that_refuses_our_password(valkey: Valkey, service: CacheService) -> None:
    settings = {**valkey.settings(valkey.fresh()), "password": SecretStr("no such password")}
    plan = RESTART.plan(Redis(**settings), service)
    assert (plan.commands, plan.does.startswith("A restart would not help.")) == ((), True)


def test_it_leaves_one_that_loads_its_data(monkeypatch: pytest.MonkeyPatch, service: CacheService) -> None:
    """It would begin anew. In the words of the door (tasks/redis/system.py)."""
    [(_, _, words, _)] = [told for told in system._MEANING if told[0] == "loading the dataset"]

    def loading(_: Redis) -> NoReturn:
        raise CannotLook(f"192.0.2.1:6379 {words}")

    monkeypatch.setattr(Redis, "session", loading)
    plan = RESTART.plan(Redis(host="192.0.2.1"), service)
    assert (plan.commands, plan.does.startswith("Nothing to restart: it is at it already.")) == ((), True)


def test_it_restarts_one_where_nothing_listens(folder: Path, service: CacheService) -> None:
    gone = Redis(host="127.0.0.1", port=free_port())
    plan = RESTART.plan(gone, service)
    assert plan.risk is Risk.HIGH
    assert plan.does.startswith("Restart the Redis server. ")
    assert RESTART.apply(gone, service, plan).complete
    assert pid_of(folder) > 0
    assert RESTART.applied(gone, service, plan) is True
