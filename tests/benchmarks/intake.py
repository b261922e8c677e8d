"""How many alerts a second are accepted and durable, beside FastAPI with one INSERT; and that a storm is one incident.

    python -m tests.benchmarks.intake [ALERTS] [--json FILE]

Both run as one process each on the same Postgres (fsync on), and are sent the same signed bodies over 16 connections.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from deployments.intake.source import signature
from deployments.ports import free_port
from flows.journal import Journal, Redactor
from tests.benchmarks.journal import journal as own_journal

CONNECTIONS = 16
ALERTS = 3_000
STARTS_WITHIN_S = 60.0
CONFIG = """
[environments.production]
kind = "staging"

[alerts]
port = {port}
most_per_s = 100000

[alerts.sources.sentry]
environment = "production"
secret = "{secret}"

[[alerts.rules]]
source = "sentry"
runbook = "database/connections-exhausted"
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of so many requests: each one's seconds, and all of them."""

    took_s: Sequence[float]
    all_s: float

    @property
    def per_s(self) -> float:
        return len(self.took_s) / self.all_s


def bodies(number: int, secret: SecretStr) -> list[bytes]:
    """Whole requests, of one problem, each body another one, signed."""
    requests = []
    for count in range(number):
        issue = {"id": "1", "title": "OperationalError", "level": "error", "project": {"slug": "web"}, "count": count}
        body = json.dumps({"action": "created", "data": {"issue": issue}}).encode()
        head = (
            "POST /alerts/sentry HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Sentry-Hook-Timestamp: {int(time.time())}\r\nSentry-Hook-Signature: {signature(secret, body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def send(port: int, requests: Sequence[bytes]) -> Load:
    """Send them all, over so many connections at once.

    Raises:
        RuntimeError: one was not accepted.
    """
    waiting, took = iter(requests), list[float]()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(f"Not accepted: {head!r}")
            lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
            await reader.readexactly(int(lines[b"content-length"]))
            took.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    return Load(took_s=took, all_s=time.perf_counter() - began)


BARE = """
import sys, uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import ConnectionPool
pool = ConnectionPool(sys.argv[1], min_size=1, max_size=8, kwargs={"autocommit": True}, open=True)
app = FastAPI()
def keep(body):
    with pool.connection() as session:
        session.execute("INSERT INTO public.bare (body) VALUES (%s)", [body.decode()])
@app.get("/health")
async def health():
    return {}
@app.post("/alerts/sentry")
async def receive(request: Request):
    await run_in_threadpool(keep, await request.body())
    return {}
uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning")
"""


@contextlib.contextmanager
def served(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """A service in a process of its own, until the block ends."""
    process = subprocess.Popen([sys.executable, *command], env={**os.environ, **environment})
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
                break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} does not listen.")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def measured(number: int) -> dict[str, float]:
    """Every figure by its key."""
    with own_journal() as made:
        return _measured(made.folder, made.admin_url, made.runner_url, number)


def _measured(folder: Path, admin_url: str, journal_url: str, number: int) -> dict[str, float]:
    import psycopg

    secret, ports = SecretStr(secrets.token_hex(24)), (free_port(), free_port())
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE public.bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")
    config = folder / "environments.toml"
    config.write_text(CONFIG.format(port=ports[0], secret=secret.get_secret_value()), encoding="utf-8")
    # No Prefect: what is opened waits.
    ours = {
        "INCIDENT_CONFIG": str(config),
        "INCIDENT_JOURNAL_URL": journal_url,
        "PREFECT_API_URL": "http://127.0.0.1:1",
    }
    requests = bodies(number, secret)
    with (
        served(["-m", "deployments.intake"], ports[0], ours),
        served(["-c", BARE, admin_url, str(ports[1])], ports[1], {}),
    ):
        # What a first request costs is nobody's figure.
        for port in ports:
            asyncio.run(send(port, bodies(200, SecretStr(secret.get_secret_value()))[100:]))
        beside, intake = (asyncio.run(send(port, requests[200:])) for port in reversed(ports))
    openings = len(Journal(SecretStr(journal_url), Redactor([])).openings.waiting())
    return {
        "bare_per_s": beside.per_s,
        "accepted_per_s": intake.per_s,
        "accepted_of_bare": intake.per_s / beside.per_s,
        "answer_median_ms": 1000 * statistics.median(intake.took_s),
        "answer_p99_ms": 1000 * statistics.quantiles(intake.took_s, n=100)[98],
        "incidents": openings,
    }


def main() -> None:
    """Measure, print, and write the figures where they are wanted."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.intake")
    parser.add_argument("alerts", type=int, nargs="?", default=ALERTS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    found = measured(given.alerts)
    table = Table("figure", "value", title="Alerts in")
    for name, value in found.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
