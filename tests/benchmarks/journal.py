"""A journal's database of a benchmark's own, on a server of its own."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments import accounts, databases
from deployments.cluster import SUPERUSER, Cluster, binaries, running
from deployments.ports import free_port
from flows.journal.migrate import migrate


@dataclass(frozen=True, kw_only=True)
class Made:
    """The server's folder, and the ways to it: as its superuser, and to the journal as its owner and its runner."""

    folder: Path
    admin_url: str
    owner_url: str
    runner_url: str


@contextmanager
def journal() -> Iterator[Made]:
    """Migrated, empty, and gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        cluster = Cluster(folder=folder / "data", port=free_port(), bin=binaries())
        password = secrets.token_urlsafe(16)
        with running(cluster, password):
            url = cluster.url(SUPERUSER, password, "postgres")
            server = databases.Server(url, {role: accounts.new_password() for role in databases.ROLES}, ours=True)
            databases.provision(server)
            owner, runner = server.url(databases.OWNER), server.url(databases.RUNNER)
            migrate(owner, databases.RUNNER)
            yield Made(folder=folder, admin_url=url, owner_url=owner, runner_url=runner)
