"""A vendor of hosted APIs on loopback: a real HTTP server that answers as it is told, or misbehaves."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.model import CannotLook, Json
from tasks.web.door import Door
from tasks.web.exchange import Key, Limits, Place, Tls, bearer

SECRET = "sk-live-4711"  # what no error, repr or log may hold


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `drips`: its body never ends, a byte at a time; `drips_headers`: its headers do not."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    drips: bool = False
    drips_headers: bool = False
    floods: bool = False
    hangs_up: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as the vendor saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass
class Vendor:
    """What it answers: to a path what lies under it, else `replies` one after the other, the last one for ever."""

    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    paths: dict[str, Reply] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    sent: int = 0  # bytes of floods

    def reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if asked.path in self.paths:
            return self.paths[asked.path]
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def place(self, key: Key | None = None, tls: Tls | None = None, **limits: Any) -> Place:
        return Place(base=self.url, key=key or bearer(SecretStr(SECRET)), limits=Limits(**limits), tls=tls or Tls())

    def door(self, **limits: Any) -> Door:
        return Door(place=self.place(**limits), words=silent)


def silent(status: int, body: Json) -> CannotLook | None:
    """A vendor without words of its own."""
    return None


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Vendor]:
    vendor, over = Vendor(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = vendor.reply_to(
                Asked(
                    method=self.command,
                    path=self.path,
                    headers=dict(self.headers),
                    body=body,
                    connection=self.client_address[1],
                )
            )
            over.wait(reply.after_s)
            with contextlib.suppress(OSError):  # whoever asked has gone
                self.say(reply)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's own names

        def say(self, reply: Reply) -> None:
            endless = reply.drips or reply.floods
            self.close_connection = endless or reply.hangs_up or reply.drips_headers
            if reply.hangs_up:
                return
            if reply.drips_headers:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.02):
                    self.wfile.write(b"x")
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not endless:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            while reply.floods and not over.is_set():
                vendor.sent += self.wfile.write(b" " * 100_000)
            while reply.drips and not over.wait(0.02):
                self.wfile.write(b" ")

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # A handshake that fails is the client's to tell.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    vendor.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as vendor:
        yield vendor


@pytest.fixture
def elsewhere() -> Iterator[Vendor]:
    """Another host, as far as the door is concerned: the same address, another port."""
    with serving() as vendor:
        yield vendor


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    return waited
