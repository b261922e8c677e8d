"""Real servers for every room's tests: two Postgres versions, and a fresh database for each test that asks.

The plan by which CI is to stay below 45 minutes when the catalog is eight times as large: what grows with it is kept
apart from what is dear.
- A check or an action is tested on a database of its own, a copy that takes milliseconds. Eight times as many are
  minutes, spread evenly; only the older server doubles them, and only in CI (tests/left_out.py).
- A drill costs ten to thirty seconds. All are one group, on a stack of its own (tests/spread.py). When it is what CI
  waits for, part it: two groups, two stacks. Beyond that, rehearse in a merge only the drills of runbooks whose version
  has changed, and all of them every night.
- Stacks and Prefect's servers do not grow with the catalog: a new file asks for `stack` or `prefect_server`, and for
  one of its own only if it kills it. Next to be shared: the `house` of the files that only kill runs.
- Publishing everything grows with it: whoever publishes takes the one runbook that is looked at.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import certifi
import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from xdist.remote import Producer

import deployments.lab
from deployments.cluster import SUPERUSER, Cluster, binaries, preloadable, running
from deployments.home import Home
from deployments.lab import Lab
from deployments.ports import free_port
from deployments.prefect_server import RECORDED_TOGETHER
from deployments.stack import Stack
from tests.left_out import IN_CI, STRICT, leave_out
from tests.spread import Spread, begin_with_the_slow
from tests.workplace import settle

# An older server, as customers have. For another one, 13 to 17: INCIDENT_OLDER_POSTGRES=/path/to/its/bin .ci/run
# 13 and 14 count what happened up to half a second later: tests that look at once fail there, and only those.
OLDER = Path(os.environ.get("INCIDENT_OLDER_POSTGRES", "/usr/lib/postgresql/15/bin"))
# Prefect's server for tests would report its use; the stack's own is told not to as well (deployments/prefect_server).
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
# Its start migrates a database: seconds on a quiet machine, more than the usual thirty beside other tests.
HARNESS_STARTS_WITHIN_S = 180
os.environ.update(RECORDED_TOGETHER)


settle()


# How fast a busy machine makes its examples says nothing about the product.
hypothesis_settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")


def _one_authority() -> Path:
    """The first certificate authority of those that everybody trusts, in a file of the process that began the run."""
    first, end, _ = certifi.contents().partition("-----END CERTIFICATE-----")
    file = Path(tempfile.mkdtemp(prefix="incident-authority-")) / "one.pem"
    file.write_text(first + end + "\n", encoding="ascii")
    atexit.register(shutil.rmtree, file.parent, ignore_errors=True)
    return file


# Each of Prefect's clients reads every certificate authority there is: 50 ms, twice a run and once a process. The
# servers here speak no TLS, so it may as well read one.
if "PREFECT_API_SSL_CERT_FILE" not in os.environ:
    os.environ["PREFECT_API_SSL_CERT_FILE"] = str(_one_authority())

# A shell that starts us in the background has us ignore Ctrl-C, and everything we start would too: tests that press it
# would wait for ever. A handler of our own is not inherited; the default is.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As the lab has it: the checks under test read these extensions. Nothing here outlives the session, so no fsync.
SETTINGS = {
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",
    "deadlock_timeout": "100ms",
    "track_io_timing": "on",
}


def needs(tool: str | Path) -> str:
    """The path of `tool`, or the test is skipped; with INCIDENT_STRICT=1 it fails instead."""
    found = shutil.which(str(tool))
    if found:
        return found
    said = f"{tool} is not on this machine"
    if STRICT:
        pytest.fail(f"{said}, and INCIDENT_STRICT=1 forbids skipping.")
    pytest.skip(said)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not STRICT:
        leave_out(items)
    begin_with_the_slow(items)


# Not in a run of one process, where xdist may be switched off.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread | None:
    return Spread(config, log) if config.getvalue("dist") == "loadfile" else None


@dataclass(frozen=True)
class Server:
    """A running Postgres that belongs to the test session."""

    cluster: Cluster
    password: str

    @property
    def admin_url(self) -> str:
        return self.url(SUPERUSER, self.password, "postgres")

    def url(self, user: str, password: str, database: str) -> str:
        return self.cluster.url(user, password, database)

    @property
    def version(self) -> int:
        """As Postgres numbers itself: 150004 is 15.4."""
        with psycopg.connect(self.admin_url) as session:
            return session.info.server_version

    @contextmanager
    def fresh_database(self, template: str = "template1") -> Iterator[str]:
        """The admin URL of a new database, dropped afterwards whoever is still connected."""
        name = f"test_{secrets.token_hex(4)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{name}"))
        finally:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as session:
            session.execute(statement)


@contextmanager
def own_server(bin_folder: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """A server with these settings over the usual ones, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="incident-pg-") as folder:
        # The cluster's user may be `nobody`, who must be able to pass through.
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        cluster = Cluster(folder=data, port=free_port(), bin=bin_folder, settings={**SETTINGS, **settings})
        password = secrets.token_urlsafe(16)
        with running(cluster, password):
            yield Server(cluster, password)


def _server(bin_folder: Path) -> Iterator[Server]:
    preload = {"shared_preload_libraries": preloadable(bin_folder, "pg_stat_statements", "auto_explain")}
    with own_server(bin_folder, preload) as server:
        yield server


@pytest.fixture(scope="session")
def postgres18() -> Iterator[Server]:
    """The Postgres that ships with the product."""
    yield from _server(binaries())


@pytest.fixture(scope="session")
def postgres15() -> Iterator[Server]:
    """Debian's Postgres 15, or the one that was named instead."""
    if not STRICT:
        pytest.skip(f"The same questions, asked of an older server{IN_CI}")
    needs(OLDER / "postgres")
    yield from _server(OLDER)


@pytest.fixture
def database(postgres18: Server) -> Iterator[str]:
    """The admin URL of a fresh database on `postgres18`."""
    with postgres18.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def lab(incident_home: Home) -> Iterator[Lab]:
    """A running lab: the application's database, filled. It lives as long as the session, whatever drills do to it."""
    with deployments.lab.up(incident_home, daemon=False) as running:
        yield running


@pytest.fixture(scope="session")
def stack(incident_home: Home, lab: Lab) -> Iterator[Stack]:
    """The whole stack on an embedded Postgres, with the lab up: `.environment()` is what a child process needs."""
    with Stack.up(incident_home, port=free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def incident_home() -> Iterator[Home]:
    """The session's own state folder."""
    with tempfile.TemporaryDirectory(prefix="incident-home-") as folder:
        Path(folder).chmod(0o711)
        yield Home(Path(folder) / "state")
