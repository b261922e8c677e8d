"""For flow tests: a journal of the session's own, and a real Prefect server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.home import Home
from deployments.ports import free_port
from deployments.stack import Stack
from flows.journal import Journal, Redactor
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.conftest import HARNESS_STARTS_WITHIN_S, Server
from tests.flows.house import House
from tests.flows.journal.conftest import Roles, copied, roles_on
from tests.flows.matrix import World, created
from tests.flows.room import Room, configure, furnish


@pytest.fixture(scope="session")
def migrated(postgres18: Server) -> Iterator[Roles]:
    """Migrated once, and nobody's to write in: `roles` are copies of it."""
    from flows.journal.migrate import migrate

    with roles_on(postgres18) as roles:
        migrate(roles.owner_url, roles.runner)
        yield roles


@pytest.fixture
def roles(postgres18: Server, migrated: Roles) -> Iterator[Roles]:
    """A journal of the test's own."""
    with copied(postgres18, migrated) as roles:
        yield roles


@pytest.fixture(scope="session")
def journal_url(postgres18: Server, migrated: Roles) -> Iterator[str]:
    with copied(postgres18, migrated) as roles:
        yield roles.runner_url


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # The heartbeats' thread makes every run end up to a second late, and tells Prefect nothing that we use.
    with prefect_test_harness(HARNESS_STARTS_WITHIN_S), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@pytest.fixture
def room(tmp_path: Path, journal_url: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> Room:
    return furnish(tmp_path, journal_url, monkeypatch)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A stack of its own: what is done to it here would disturb everybody else's."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from deployments.publish import publish

    folder = tmp_path_factory.mktemp("house")
    folder.chmod(0o711)
    lamp = folder / "lamp.json"
    with pytest.MonkeyPatch.context() as place, contextlib.ExitStack() as cleanup:
        config = configure(folder / "environments.toml", lamp)
        place.setenv("INCIDENT_CONFIG", str(config))
        stack = cleanup.enter_context(Stack.up(Home(folder / "state"), port=free_port()))
        cleanup.enter_context(temporary_settings({PREFECT_API_URL: stack.prefect_api_url}))
        loaded = Config.load(config)
        # The team's own runbooks are lived through here; publishing all of ours would take longer than most tests.
        publish(Catalog(tuple(one for one in Catalog.load(loaded.team) if one.slug.startswith("house/"))), loaded)
        yield House(lamp=lamp, journal=Journal(SecretStr(stack.journal_url), Redactor([])), stack=stack)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, journal_url: str, postgres18: Server, prefect_server: None
) -> Iterator[World]:
    with created(tmp_path_factory.mktemp("world"), journal_url, postgres18) as world:
        yield world
