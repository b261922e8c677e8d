"""Who listens to how we are: a real HTTP server that takes Sentry's envelopes, and heartbeats."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Ear:
    """What was heard: of each envelope's item its kind, its content, and when."""

    port: int = 0
    items: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    beats: list[str] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        return f"http://0123456789abcdef@127.0.0.1:{self.port}/1"

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [content for found, content, _ in self.items if found == kind]

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        _, *rest = body.split(b"\n")
        # https://develop.sentry.dev/sdk/foundations/envelopes/: a line about each item before the item itself.
        for head, content in zip(rest[::2], rest[1::2], strict=False):
            self.items.append((json.loads(head)["type"], json.loads(content), time.time()))


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/api/1/envelope/":
                ear.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            ear.beats.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ear.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
