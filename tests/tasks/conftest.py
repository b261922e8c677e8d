"""What tests of several systems share: the session's Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.valkey import Valkey, running


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with running() as server:
        yield server
