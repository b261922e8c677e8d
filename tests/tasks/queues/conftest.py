"""A database of the session's Valkey for each test, and somebody who may do everything there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tasks.queues.system import Queues
from tests.tasks.queues.jobs import door
from tests.valkey import Valkey


@pytest.fixture
def database(valkey: Valkey) -> int:
    return valkey.fresh()


@pytest.fixture
def client(valkey: Valkey, database: int) -> Iterator[redis.Redis]:
    with valkey.client(database) as opened:
        yield opened


@pytest.fixture
def queues(valkey: Valkey, database: int) -> Queues:
    return door(valkey, database)
