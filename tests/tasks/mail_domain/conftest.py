"""One name server for all tests of a process; each gives it zones of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tasks.mail_domain.nameservers import Names


@pytest.fixture
def names(name_server: Names) -> Names:
    """It answers for nothing yet."""
    name_server.server.zones.served.clear()
    return name_server


@pytest.fixture(scope="session")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    started = Names(tmp_path_factory.mktemp("zones"))
    yield started
    started.server.stop()
