"""The processes of a stack: what each is called, what it executes, and what it is told by its environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deployments import databases, prefect_server
from deployments.cluster import Cluster
from deployments.home import Home
from deployments.supervise import Program
from deployments.surroundings import withheld
from tasks.config import Config

POSTGRES = "postgres"
PREFECT = "prefect"
WORKER = "worker"
RECOVERER = "recoverer"
INTAKE = "intake"
# Every other process of the stack: its name and its module.
SERVICES = {RECOVERER: "deployments.recoverer", INTAKE: "deployments.intake"}


def programs(home: Home, port: int, server: databases.Server, cluster: Cluster | None) -> Iterator[Program]:
    """In the order in which they start; `port` is Prefect's."""
    if cluster:
        command, drop = cluster.command(), cluster.drop
        yield Program(name=POSTGRES, command=command, environment=withheld(), stop="INT", drop=drop)
    settings = prefect_server.server_environment(port, home.prefect, server.prefect_url)
    command = prefect_server.server_command()
    yield Program(name=PREFECT, command=command, environment={**withheld(), **settings}, patience_s=10)
    # Where the person stands: relative paths in their configuration and their runbooks mean that folder.
    here, ours = Path.cwd(), _environment(home, port, server)
    worker = prefect_server.worker_command(WORKER)
    # Ending a run takes the worker a second or two; without a server to report to it would try for minutes.
    yield Program(name=WORKER, command=worker, environment=ours, directory=here, patience_s=5, has_children=True)
    for name, module in SERVICES.items():
        yield Program(name=name, command=[sys.executable, "-P", "-m", module], environment=ours, directory=here)


def alerts_port(home: Home) -> int | None:
    """Where alerts are taken; None where no source of theirs is configured.

    Raises:
        InvalidConfig, UnknownRunbook: what is configured cannot be used.
    """
    config = Config.load(home.config, home.lab_environment)
    if not config.alerts.get("sources"):
        return None
    # Not before it is needed: the catalog takes a while.
    from deployments.intake import settings
    from runbooks.catalog import Catalog

    return settings.load(config, Catalog.load(config.team)).listening.port


def places(home: Home) -> dict[str, str]:
    """Where our processes find the state folder and the configuration, as their environment says it."""
    return {
        "INCIDENT_HOME": str(home.root),
        "INCIDENT_CONFIG": str(home.config),
        "INCIDENT_LAB_ENVIRONMENT": str(home.lab_environment),
    }


def _environment(home: Home, port: int, server: databases.Server) -> dict[str, str | None]:
    return {
        **prefect_server.client_environment(port, home.prefect),
        **places(home),
        "INCIDENT_JOURNAL_URL": server.url(databases.RUNNER),
        "TMPDIR": str(home.temporary),
        # The worker is called when a run becomes due; this is for a call that was missed.
        "PREFECT_WORKER_QUERY_SECONDS": "15",
        # What becomes due between two looks was handed out at the first.
        "PREFECT_WORKER_PREFETCH_SECONDS": "30",
    }
