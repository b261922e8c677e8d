"""A mail server of a test's own: takes messages as RFC 5321 says, or takes the call and never says a word."""

from __future__ import annotations

import email
import email.policy
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What arrived, and the Apprise address it arrives by."""

    port: int
    got: list[EmailMessage] = field(default_factory=list)

    def url(self, to: str, password: str = "") -> str:
        login = f"someone:{password}@" if password else ""
        return f"mailto://{login}127.0.0.1:{self.port}/?mode=insecure&from=incident@example.com&to={to}"

    @property
    def text(self) -> str:
        """Everything that arrived, as a reader or a thief would see it."""
        return "\n".join(
            f"{mail}\n{part.get_content()}" for mail in self.got for part in mail.walk() if not part.is_multipart()
        )


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("220 mailbox.example ready")
        while line := self.rfile.readline():
            match line.split(maxsplit=1)[0].upper():
                case b"EHLO":
                    self._say("250-mailbox.example", "250 AUTH PLAIN LOGIN")
                case b"AUTH":
                    self._say("235 welcome")
                case b"DATA":
                    self._say("354 go on")
                    self._take()
                    self._say("250 taken")
                case b"QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.box.got.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    box: Mailbox


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server on this machine."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.box = Mailbox(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server.box
        server.shutdown()
        thread.join()


@contextmanager
def silent_mailbox() -> Iterator[Mailbox]:
    """It takes every connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Mailbox(listening.getsockname()[1])
