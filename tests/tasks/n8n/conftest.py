"""n8n, by the lab's stand-in, whose answers are held against the recorded ones of the real thing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.lab.n8n import FAILS, KEYS, TROUBLE, Engine, Server
from tasks.n8n.system import CHANGES, READS, N8n

KEY, FEW = "the-key-that-nobody-may-read", "a-key-for-little"
EXPECTED = dict.fromkeys(FAILS, 900)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    return waited


class StandIn:
    """A server, and what it remembers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / KEYS).write_text(json.dumps({KEY: [*READS, *CHANGES], FEW: ["workflow:list"]}), encoding="utf-8")
        self.server = Server(folder, 0)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def engine(self) -> Engine:
        return self.server.engine

    def door(self, key: str = KEY, **more: object) -> N8n:
        """The door as it would be configured."""
        drill = {"drill_file": self.folder / TROUBLE}
        given = {"url": self.url, "key": SecretStr(key), "expected": EXPECTED, **drill, **more}
        return N8n.model_validate(given)

    def allow(self, key: str, scopes: list[str]) -> None:
        keys = json.loads((self.folder / KEYS).read_text(encoding="utf-8"))
        (self.folder / KEYS).write_text(json.dumps({**keys, key: scopes}), encoding="utf-8")

    def of(self, name: str) -> str:
        """A workflow's id."""
        return next(str(one["id"]) for one in self.engine.state["workflows"].values() if one["name"] == name)

    def tell(self, **what: object) -> None:
        (self.folder / TROUBLE).write_text(json.dumps(what), encoding="utf-8")


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    made = StandIn(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def n8n(standin: StandIn) -> N8n:
    return standin.door()
