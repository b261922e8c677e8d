"""What the real n8n is asked with: a service that its workflows call, its first owner and keys, and the workflows."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
AGENT = {"User-Agent": "incident-pipelines", "browser-id": "nightly"}
OWNER = {"email": "owner@example.com", "firstName": "Nightly", "lastName": "Owner", "password": "Nightly-owner-1"}
WITHIN_S = 60.0


class Target(ThreadingHTTPServer):
    """Answers /STATUS/… with it until it is `up`, /slow/SECONDS late; `seen` counts what it was sent, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        self.up = False
        self.seen: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Asked)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Asked(BaseHTTPRequestHandler):
    server: Target

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen[self.path] += 1
        first, second = self.path.strip("/").split("/")[:2]
        if first == "slow":
            time.sleep(float(second))
        status = 200 if self.server.up or first == "slow" else int(first)
        said = json.dumps({"message": f"The answer is {status}"}).encode()
        # Who was stopped, or ended, waits for it no more.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._say(status, said)

    def _say(self, status: int, said: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """What it was sent is counted."""


def keys(url: str) -> tuple[str, str]:
    """Make the first owner; a key that may do everything, and one that may list workflows only."""
    with httpx.Client(base_url=url, headers=AGENT, timeout=60) as client:
        client.post("/rest/owner/setup", json=OWNER).raise_for_status()
        scopes = client.get("/rest/api-keys/scopes").json()["data"]
        made = []
        for label, given in (("all", scopes), ("few", ["workflow:list"])):
            asked = {"label": label, "expiresAt": None, "scopes": given}
            answer = client.post("/rest/api-keys", json=asked).raise_for_status()
            made.append(str(answer.json()["data"]["rawApiKey"]))
    return made[0], made[1]


class Workshop:
    """Makes workflows that begin at a webhook each, and calls them."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.api = httpx.Client(base_url=f"{url}/api/v1", headers={**AGENT, "X-N8N-API-KEY": key}, timeout=90)
        self.paths: dict[str, str] = {}

    def workflow(self, name: str, *nodes: dict[str, Any], answers: str = "onReceived") -> str:
        """Its id; it is active."""
        path = self.paths[name] = f"nightly-{len(self.paths)}"
        hook = {
            "id": f"hook-{path}", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2,
            "position": [0, 0], "webhookId": f"id-{path}",
            "parameters": {"httpMethod": "POST", "path": path, "responseMode": answers, "options": {}},
        }  # fmt: skip
        chain = [hook, *nodes]
        joined = {
            one["name"]: {"main": [[{"node": other["name"], "type": "main", "index": 0}]]}
            for one, other in pairwise(chain)
        }
        asked = {"name": name, "nodes": chain, "connections": joined, "settings": {"executionOrder": "v1"}}
        made = str(self.api.post("/workflows", json=asked).raise_for_status().json()["id"])
        self.api.post(f"/workflows/{made}/activate").raise_for_status()
        return made

    def call(self, name: str, *, timeout_s: float = 30) -> int:
        """Until n8n knows the webhook: it says that a workflow is active a moment before it does."""

        def called() -> int | None:
            answer = httpx.post(f"{self.url}/webhook/{self.paths[name]}", json={"n": 1}, timeout=timeout_s)
            return None if answer.status_code == 404 else answer.status_code

        return until(called, f"the webhook of {name}")

    def credential(self, port: int) -> str:
        """Of a database that is not there."""
        data = {
            "host": "127.0.0.1", "port": port, "database": "x", "user": "u", "password": "p", "ssl": "disable",
            "allowUnauthorizedCerts": False, "sshTunnel": False,
        }  # fmt: skip
        asked = {"name": "Nightly database", "type": "postgres", "data": data}
        return str(self.api.post("/credentials", json=asked).raise_for_status().json()["id"])

    def runs(self, state: str, workflow: str = "") -> list[Any]:
        given = {"status": state, "limit": "250", **({"workflowId": workflow} if workflow else {})}
        return list(self.api.get("/executions", params=given).raise_for_status().json()["data"])


def http(name: str, url: str, **options: object) -> dict[str, Any]:
    """A node that sends."""
    given = {"method": "POST", "url": url, "sendBody": True, "specifyBody": "json", "jsonBody": '{"n": 1}'}
    return _node(name, "httpRequest", 4.2, {**given, "options": options})


def code(name: str, text: str) -> dict[str, Any]:
    return _node(name, "code", 2, {"jsCode": text})


def answer(name: str, body: str) -> dict[str, Any]:
    return _node(name, "respondToWebhook", 1.1, {"respondWith": "json", "responseBody": body, "options": {}})


def insert(name: str, credential: str) -> dict[str, Any]:
    asked = _node(name, "postgres", 2.5, {"operation": "executeQuery", "query": "SELECT 1", "options": {}})
    return {**asked, "credentials": {"postgres": {"id": credential, "name": "Nightly database"}}}


def _node(name: str, kind: str, version: float, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name.lower().replace(" ", "-"), "name": name, "type": f"n8n-nodes-base.{kind}", "typeVersion": version,
        "position": [300, 0], "parameters": parameters,
    }  # fmt: skip


def until(ask: Callable[[], T | None], what: str) -> T:
    """What `ask` answers once it is not None.

    Raises:
        AssertionError: it never was.
    """
    end = time.monotonic() + WITHIN_S
    while (found := ask()) is None:
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)
    return found
