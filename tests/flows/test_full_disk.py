"""No room for the journal: nothing is done without a record, and what waits goes on when there is room again.

A real Postgres whose files may not grow: a limit of the process (RLIMIT_FSIZE), because a small file system takes
privileges that a container seldom has. The write fails in the same place, "could not extend file".
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.cluster import Cluster, running
from deployments.ports import free_port
from flows.journal.migrate import migrate
from tests.conftest import Server
from tests.flows.journal.conftest import roles_on
from tests.flows.lives import Blow, Life, Point
from tests.flows.matrix import TWO_STEPS, World, created

pytestmark = pytest.mark.strict("Fills the disk of a server of its own; test_survival cuts the journal off in the act.")

# A segment of the write-ahead log, which has to go on: with less, the whole server would stop.
ROOM = 16 * 2**20
STEP = "step/replace-the-fuse"


@dataclass
class Disk:
    """A Postgres with little room, or with all of it."""

    server: Server
    up: ExitStack

    def restart(self, room: int = resource.RLIM_INFINITY) -> None:
        """Its files may grow up to `room` bytes from now on."""
        self.up.close()
        with limited(room):
            self.up.enter_context(running(self.server.cluster, self.server.password))


@contextmanager
def limited(room: int) -> Iterator[None]:
    """What is started within the block may write no larger file."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    folder.chmod(0o711)
    # Autovacuum would make room behind our back.
    settings = {"fsync": "off", "shared_buffers": "8MB", "autovacuum": "off"}
    cluster = Cluster(folder=folder / "data", port=free_port(), settings=settings)
    with ExitStack() as up:
        disk = Disk(Server(cluster, "pass-word"), up)
        disk.restart()
        yield disk


@pytest.fixture
def cramped(disk: Disk, tmp_path: Path, prefect_server: None) -> Iterator[World]:
    """A world whose journal is on that disk."""
    with roles_on(disk.server) as roles:
        migrate(roles.owner_url, roles.runner)
        disk.restart(ROOM)
        with created(tmp_path, roles.runner_url, disk.server) as world:
            yield world


@pytest.mark.parametrize(
    ("at", "done"),
    [(Point("after", f"{STEP}/ask/1/look/n"), 0), (Point("before", f"{STEP}/outcome"), 1)],
    ids=["no room for the intent", "no room for the outcome"],
)
def test_it_stops_on_a_full_disk_and_goes_on_when_there_is_room(
    disk: Disk, cramped: World, at: Point, done: int
) -> None:
    cramped.asked = len(TWO_STEPS.done)
    incident = cramped.open(TWO_STEPS)
    assert cramped.nursery.live(Life(incident=incident, at=at, blow=Blow.FILL, admin_url=cramped.admin_url)) == 0
    assert cramped.room.count("replaced the fuse") == done
    said = cramped.client.read_flow_run(incident).state.message
    assert "cannot take it: could not extend file" in said
    assert "What waits for it goes on by itself afterwards." in said

    cramped.schedule()
    assert cramped.nursery.live(Life(incident=incident)) == 0
    assert cramped.room.count("replaced the fuse") == done, "it is still full"

    disk.restart()
    cramped.schedule()
    assert cramped.nursery.live(Life(incident=incident)) == 0
    cramped.sound(TWO_STEPS)
