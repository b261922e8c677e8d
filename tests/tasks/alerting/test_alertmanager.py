"""Debian's Alertmanager, which is silenced for one alert and no longer than the incident lasts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.ports import free_port
from tasks.alerting import Said
from tasks.alertmanager.system import AlertmanagerApi
from tasks.model import CannotLook
from tests.conftest import needs

LABELS = {"alertname": 'Disk "full"', "path": "/var\\log", "job": "web"}
OTHER = {**LABELS, "path": "/srv"}
FIRST = Said(sentence="Incident Pipelines works on it:", link="http://127.0.0.1:4200/runs/flow-run/first")
SECOND = Said(sentence="Incident Pipelines works on it:", link="http://127.0.0.1:4200/runs/flow-run/second")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = needs("prometheus-alertmanager")
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    config = folder / "alertmanager.yml"
    config.write_text("route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n", encoding="utf-8")
    port = free_port()
    command = [program, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("Alertmanager did not start")


def fire(url: str) -> None:
    now = datetime.now(UTC).isoformat()
    alerts = [{"labels": labels, "startsAt": now} for labels in (LABELS, OTHER)]
    httpx.post(f"{url}/api/v2/alerts", json=alerts, trust_env=False).raise_for_status()


def silenced(url: str) -> list[str]:
    """The paths of the alerts that it tells nobody of."""
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/alerts", trust_env=False).json()
    return [one["labels"]["path"] for one in found if one["status"]["state"] == "suppressed"]


def active(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/silences", trust_env=False).json()
    return [one for one in found if one["status"]["state"] == "active"]


def test_it_silences_exactly_this_alert_once_until_the_incident_ends(url: str) -> None:
    api = AlertmanagerApi(url=url, silence_s=600)
    fire(url)
    for _ in range(2):
        api.began(LABELS, FIRST)
    assert silenced(url) == [LABELS["path"]]
    [silence] = active(url)
    assert (silence["createdBy"], silence["comment"]) == ("Incident Pipelines", FIRST.text)
    left_s = (datetime.fromisoformat(silence["endsAt"]) - datetime.now(UTC)).total_seconds()
    assert 540 < left_s <= 600
    for _ in range(2):
        api.ended(LABELS, FIRST)
    assert (active(url), silenced(url)) == ([], [])


def test_it_leaves_what_others_silenced(url: str) -> None:
    api = AlertmanagerApi(url=url)
    fire(url)
    api.began(LABELS, FIRST)
    api.began(LABELS, SECOND)
    api.ended(LABELS, FIRST)
    assert [one["comment"] for one in active(url)] == [SECOND.text]
    assert silenced(url) == [LABELS["path"]]
    api.ended(LABELS, SECOND)
    assert silenced(url) == []


def test_it_says_that_nobody_answers() -> None:
    with pytest.raises(CannotLook, match=r"Alertmanager cannot be reached: Connection refused\."):
        AlertmanagerApi(url=f"http://127.0.0.1:{free_port()}").began(LABELS, FIRST)
