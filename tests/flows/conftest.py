"""For flow tests: a journal of the session's own, and a real Prefect server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.flows.journal.conftest import roles_on
from tests.flows.room import Room, furnish


@pytest.fixture(scope="session")
def journal_url(postgres18: Server) -> Iterator[str]:
    from flows.journal.migrate import migrate

    with roles_on(postgres18) as roles:
        migrate(roles.owner_url, roles.runner)
        yield roles.runner_url


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness():
        yield


@pytest.fixture
def room(tmp_path: Path, journal_url: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> Room:
    return furnish(tmp_path, journal_url, monkeypatch)
