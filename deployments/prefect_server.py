"""Prefect's server and its worker as processes of ours: their environment, and when they are ready."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deployments.cluster import tail
from deployments.trouble import CannotStart

POOL = "incident"
HOST = "127.0.0.1"
# The one people expect Prefect's UI on.
USUAL_PORT = 4200
# The first start on a busy machine runs Prefect's migrations.
DEADLINE_S = 120.0
POLL_S = 0.1

# By default each state of each task run is a transaction of its own: more than half of the server's work for an
# incident, just when the diagnosis wants the processor. So the UI shows a question up to a second later.
RECORDED_TOGETHER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

# What a person set for a Prefect of their own must not lead ours astray.
NOT_INHERITED = (
    "PREFECT_PROFILE",
    "PREFECT_API_KEY",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_DRIVER",
    "PREFECT_API_DATABASE_DRIVER",
    "PREFECT_UI_API_URL",
    "PREFECT_UI_STATIC_DIRECTORY",
    "PREFECT_SERVER_UI_SERVE_BASE",
    "PREFECT_UI_SERVE_BASE",
)


class PrefectNotReady(CannotStart):
    """Prefect's server or worker did not come up."""


def api_url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def ui_url(port: int) -> str:
    return f"http://{HOST}:{port}"


def login() -> str | None:
    """NAME:PASSWORD that everybody has to give to the server, if the person asked for one in their shell.

    Without it every account on this machine may use the API: no way past the gate, but a way to read and to cancel.
    """
    return os.environ.get("PREFECT_SERVER_API_AUTH_STRING") or None


def client_environment(port: int, folder: Path) -> dict[str, str | None]:
    """What any process needs to speak to this server and to nobody else."""
    return {
        **dict.fromkeys(NOT_INHERITED),
        "PREFECT_API_AUTH_STRING": login(),
        "PREFECT_API_URL": api_url(port),
        "PREFECT_HOME": str(folder),
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def server_environment(port: int, folder: Path, database_url: str) -> dict[str, str | None]:
    return {
        **client_environment(port, folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url,
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": api_url(port),
        # By default Prefect copies its pages into the installed package, which may be another user's, or read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # As shipped, any web page open in a browser on this machine may call the API, and so answer a gate.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ui_url(port),
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        **RECORDED_TOGETHER,
    }


def server_command() -> list[str]:
    """Prefect's server behind a door of ours; address and port are in its environment."""
    return [sys.executable, "-P", "-m", "deployments.prefect_app"]


def worker_command(name: str) -> list[str]:
    """Ours, which makes the pool if it is missing; Prefect's own would do whatever the API tells it."""
    return [sys.executable, "-P", "-m", "deployments.worker", "--name", name]


def wait_for_server(port: int, folder: Path, *, log: Path, alive: Callable[[], bool]) -> None:
    """Return when this very server answers; another one that got hold of the port does not count.

    Raises:
        PrefectNotReady: it ended, or does not answer in time.
    """

    def answers(client: httpx.Client) -> bool:
        settings = client.get("admin/settings").raise_for_status().json()
        return bool(settings.get("home") == str(folder))

    _wait(f"Prefect's server on port {port}", port, answers, log, alive)


def wait_for_worker(port: int, name: str, since: datetime, *, log: Path, alive: Callable[[], bool]) -> None:
    """Return when the worker `name` has reported to the server after `since`.

    Raises:
        PrefectNotReady: it ended, or does not report in time.
    """

    def reported(client: httpx.Client) -> bool:
        answer = client.post(f"work_pools/{POOL}/workers/filter", json={}, headers=change_headers(client))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        beats = [w["last_heartbeat_time"] for w in answer.raise_for_status().json() if w["name"] == name]
        return any(beat is not None and datetime.fromisoformat(beat).astimezone(UTC) >= since for beat in beats)

    _wait(f"Prefect's worker {name!r}", port, reported, log, alive)


def change_headers(client: httpx.Client) -> dict[str, str]:
    """What the server wants to see on a POST since it guards against forged requests."""
    us = str(uuid.uuid4())
    token = client.get("csrf-token", params={"client": us}).raise_for_status().json()["token"]
    return {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": us}


def _wait(what: str, port: int, ready: Callable[[httpx.Client], bool], log: Path, alive: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE_S
    said = "no answer"
    name, _, password = (login() or "").partition(":")
    auth = (name, password) if password else None
    with httpx.Client(base_url=api_url(port), timeout=5, trust_env=False, auth=auth) as client:
        while time.monotonic() < until:
            if not alive():
                raise PrefectNotReady(f"{what} ended while starting.\n{tail(log)}")
            try:
                if ready(client):
                    return
            except httpx.HTTPError as error:
                said = str(error)
            time.sleep(POLL_S)
    raise PrefectNotReady(f"{what} was not ready within {DEADLINE_S:.0f} s: {said}\n{tail(log)}")
