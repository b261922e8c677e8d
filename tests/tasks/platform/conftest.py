"""The lab's hosted platforms on loopback, asked through the real doors; what they are asked is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import platform as lab
from deployments.lab.platform import Platforms, Reply
from tasks.cloudflare.system import CloudflareWorker
from tasks.d1.system import D1
from tasks.vercel.system import Vercel

# What nothing that is kept, shown or logged may hold.
CANARY = "canary-platform-4711-nobody-may-read"


class Standing(Platforms):
    """The lab's. `instead` is what it answers to everything, where no platform would."""

    def __init__(self, folder: Path, site: Path) -> None:
        site.mkdir()
        (folder / lab.SITE).write_text(str(site), encoding="utf-8")
        (folder / lab.TOKEN).write_text(f"{CANARY}\n", encoding="utf-8")
        self.asked: list[tuple[str, str]] = []
        self.instead: Reply | None = None
        super().__init__(folder, 0)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.asked.append((method, target))
        return self.instead or super().answer(method, target, headers, body)

    def url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{vendor}"

    @property
    def changes(self) -> list[str]:
        return [target for method, target in self.asked if method == "POST"]

    @property
    def release(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.site / lab.RELEASE).read_text(encoding="utf-8"))
        return told


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited. Deployments are looked at more often."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    monkeypatch.setattr("tasks.platform.actions.POLL_S", 0.05)
    monkeypatch.setattr("tasks.platform.faults.POLL_S", 0.05)
    return waited


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    one = Standing(tmp_path, tmp_path / "its-site")
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


@pytest.fixture
def vercel(standing: Standing) -> Vercel:
    return Vercel(
        url=standing.url(lab.VERCEL),
        status_url=standing.url(lab.VERCEL),
        token=SecretStr(CANARY),
        project=lab.PROJECT,
        team="team_lab",
        drill_versions=lab.DRILLS,
    )


@pytest.fixture
def worker(standing: Standing) -> CloudflareWorker:
    return CloudflareWorker(
        url=standing.url(lab.CLOUDFLARE),
        status_url=standing.url(lab.CLOUDFLARE),
        token=SecretStr(CANARY),
        account=lab.ACCOUNT,
        script=lab.SCRIPT,
    )


@pytest.fixture
def d1(standing: Standing) -> D1:
    return D1(
        url=standing.url(lab.CLOUDFLARE),
        status_url=standing.url(lab.CLOUDFLARE),
        token=SecretStr(CANARY),
        account=lab.ACCOUNT,
        database=lab.DATABASE,
    )
