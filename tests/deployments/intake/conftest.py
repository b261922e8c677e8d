"""A real service on a port of its own, over a journal of the test's own, and what vendors send to it."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from deployments.intake import settings
from deployments.intake.intake import Intake
from deployments.intake.server import server as service_of
from deployments.intake.service import application
from deployments.intake.source import Sample, Source
from deployments.ports import free_port
from flows.journal import Journal, Redactor, pool
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.flows.conftest import migrated, roles
from tests.flows.journal.conftest import Roles

__all__ = ["migrated", "roles"]

SECRET = "a-secret-of-these-tests-alone"
OLD_SECRET = "the-secret-before-it-was-rotated"
WHSEC = "whsec_" + base64.b64encode(b"a-key-of-these-tests-alone").decode()
OLD_WHSEC = "whsec_" + base64.b64encode(b"the-key-before-it-was-rotated").decode()
CONFIG = f"""
[environments.production]
kind = "staging"

[environments.staging]
kind = "staging"

[alerts.sources.sentry]
environment = "production"
secret = ["{SECRET}", "{OLD_SECRET}"]

[alerts.sources.betterstack]
environment = "production"
secret = "{SECRET}"
header = "X-Incident-Key"

[alerts.sources.alertmanager]
environment = "production"
secret = "{SECRET}"

[alerts.sources.grafana]
environment = "production"
secret = "{SECRET}"

[alerts.sources.grafana-signed]
environment = "production"
secret = "{SECRET}"

[alerts.sources.pagerduty]
environment = "production"
secret = ["{SECRET}", "{OLD_SECRET}"]

[alerts.sources.uptime-kuma]
environment = "production"
secret = "{SECRET}"

[alerts.sources.healthchecks]
environment = "production"
secret = "{SECRET}"

[alerts.sources.sentry-legacy]
environment = "production"
secret = "{SECRET}"

[alerts.sources.github]
environment = "production"
secret = "{SECRET}"
resolved = ["success"]
example = '{{"action": "completed", "workflow_run": {{"name": "deploy", "conclusion": "failure", \
  "html_url": "https://github.example/runs/1", "repository": {{"full_name": "acme/web"}}}}}}'
[alerts.sources.github.fields]
each = "[@][?action=='completed'].workflow_run"
title = "join(' ', [repository.full_name, name, conclusion])"
fingerprint = "join('/', [repository.full_name, name])"
state = "conclusion"
name = "name"
link = "html_url"

[alerts.sources.standard-webhooks]
environment = "production"
secret = ["{WHSEC}", "{OLD_WHSEC}"]
resolved = ["job.recovered"]
example = '{{"type": "job.failed", "data": {{"job": "nightly"}}}}'
[alerts.sources.standard-webhooks.fields]
title = "join(' ', [data.job, type])"
fingerprint = "data.job"
state = "type"

[alerts.sources.backup]
type = "generic"
environment = "staging"
secret = "{SECRET}"
example = '{{"jobs": [{{"job": "nightly", "outcome": "failed", "message": "No space left"}}]}}'
severities = {{ failed = "P1" }}
[alerts.sources.backup.fields]
each = "jobs"
title = "message"
fingerprint = "job"
state = "outcome"
severity = "outcome"
name = "'BackupJob'"

[[alerts.rules]]
source = "sentry"
title = "OperationalError"
runbook = "database/connections-exhausted"

[[alerts.rules]]
source = "sentry"
title = "OperationalError"
service = "reports"
runbook = "database/slow-queries"
"""

# What asks how the sources stand, and has test alerts sent.
STATUS = "a-secret-to-ask-how-sources-stand"
ASKS = f'[alerts]\nstatus_secret = "{STATUS}"\n'

SOURCES = tuple(tomllib.loads(CONFIG)["alerts"]["sources"])


@dataclass
class Served:
    """A running service."""

    url: str
    intake: Intake
    journal: Journal
    config: Config
    client: httpx.Client
    opened: list[float] = field(default_factory=list)

    def source(self, name: str) -> Source:
        return self.intake.settings.sources[name]

    def reached_at(self, address: str) -> None:
        """Where test alerts are sent: a test picks its port, and no configuration knows it."""
        listening = self.intake.settings.listening.model_copy(update={"public_url": address})
        self.intake.settings = dataclasses.replace(self.intake.settings, listening=listening)

    def post(self, path: str, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        given = {"content-type": "application/json", **(headers or {})}
        return self.client.post(f"{self.url}/alerts/{path}", content=content, headers=given)

    def deliver(self, name: str, sample: Sample | None = None, also: Sequence[tuple[str, str]] = ()) -> httpx.Response:
        """What the source itself sends, or `sample`; with headers that it would not send."""
        given = sample or self.source(name).sample(time.time())
        headers = [*also, *given.headers.items()]
        return self.client.post(f"{self.url}/alerts/{given.path(name)}", content=given.body, headers=headers)

    def send(self, path: str, body: dict[str, Any], secret: str = SECRET) -> httpx.Response:
        """With the secret as a bearer."""
        return self.post(path, json.dumps(body).encode(), {"authorization": f"Bearer {secret}"})


def configured(folder: Path, text: str = CONFIG) -> tuple[Config, Catalog]:
    file = folder / "environments.toml"
    file.write_text(text, encoding="utf-8")
    config = Config.load(file)
    return config, Catalog.load(config.team)


@pytest.fixture
def serve(roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    running: list[tuple[uvicorn.Server, threading.Thread, Intake]] = []

    def start(url: str | None = None, text: str = CONFIG) -> Served:
        if url is None:
            # A sender is told soon that the database is busy, and sends again; a test beside three others waits.
            url = roles.runner_url
            monkeypatch.setattr(pool, "WAIT_S", 30.0)
        config, catalog = configured(tmp_path, text)
        port, opened = free_port(), list[float]()
        intake = Intake(settings.load(config, catalog), catalog, SecretStr(url), lambda: opened.append(time.time()))
        server = service_of(application(intake), "127.0.0.1", port)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread, intake))
        until = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < until, "the service did not start"
            time.sleep(0.01)
        journal = Journal(SecretStr(roles.runner_url), Redactor([]))
        return Served(f"http://127.0.0.1:{port}", intake, journal, config, client, opened)

    # Each request by a connection of its own, as senders do.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(trust_env=False, timeout=30, limits=limits) as client:
        yield start
    for server, thread, intake in running:
        server.should_exit = True
        thread.join(60)
        intake.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
