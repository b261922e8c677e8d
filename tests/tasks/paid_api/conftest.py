"""The lab's four vendors on loopback, asked through the real doors; what they are asked is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import vendors as lab
from deployments.lab.vendors import Reply, Vendors
from tasks.claude.system import Claude
from tasks.grok.system import Grok
from tasks.million_verifier.system import MillionVerifier
from tasks.paid_api.api import PaidApi
from tasks.unipile.system import Unipile

# What nothing that is kept, shown or logged may hold.
CANARIES = {vendor: f"canary-{vendor.replace('_', '-')}-4711-nobody-may-read" for vendor in lab.NAMES}
SPARES = {vendor: f"canary-spare-{vendor.replace('_', '-')}-0815" for vendor in lab.NAMES}


KINDS: dict[str, type[PaidApi]] = {
    lab.CLAUDE: Claude,
    lab.GROK: Grok,
    lab.MILLION_VERIFIER: MillionVerifier,
    lab.UNIPILE: Unipile,
}


class Standing(Vendors):
    """The lab's, without its database: `at_once_now` is what the application's setting allows it to ask at once.

    `instead` is what it answers to everything, as bytes with a type, where no vendor would.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 0)
        self.asked: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        self.at_once_now = 10
        self.instead: Reply | None = None

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.asked.append((method, target))
        self.sent.append(body)
        return self.instead or super().answer(method, target, headers, body)

    def at_once(self, setting: str) -> int:
        return self.at_once_now

    def url(self, vendor: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{vendor}"

    def tell_to(self, vendor: str, **told: Any) -> None:
        self.tell(vendor, told)


def door(standing: Standing, vendor: str, **settings: Any) -> Any:
    """The door to one of them, as an environment would have it."""
    told = {"url": standing.url(vendor), "key": SecretStr(CANARIES[vendor]), **settings}
    if vendor == lab.CLAUDE:
        told = {"model": lab.MODEL, "paid_probe": True, "sends": {"max_tokens": 2000}, **told}
    if vendor != lab.MILLION_VERIFIER:
        told = {"status_url": standing.url(vendor), **told}
    return KINDS[vendor].model_validate({name: value for name, value in told.items() if value is not None})


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    return waited


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    keys = {vendor: {lab.FIRST: CANARIES[vendor], lab.SPARE: SPARES[vendor]} for vendor in lab.NAMES}
    (tmp_path / lab.KEYS).write_text(json.dumps(keys), encoding="utf-8")
    one = Standing(tmp_path)
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()
