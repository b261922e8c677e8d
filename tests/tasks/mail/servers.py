"""Mail servers for tests: a real one (aiosmtpd) in a thread, and one that says whatever it is told to say."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

STARTS_WITHIN_S = 30.0
USER, PASSWORD = "app@lab.test", "right"


@dataclass
class Post:
    """What the server heard, and what it answers."""

    port: int = 0
    password: str = PASSWORD
    attempts: list[str] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refusal: str = "535 5.7.8 Authentication credentials invalid"
    sender: str = "250 2.1.0 Ok"
    recipient: str = "250 2.1.5 Ok"
    data: str = "250 2.0.0 Ok: queued"

    def let_in(self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.attempts.append(mechanism)
        good = (data.login, data.password) == (USER.encode(), self.password.encode())
        return AuthResult(success=good, handled=False, message=None if good else self.refusal)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds them by these names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: Any
    ) -> str:
        envelope.mail_from = address
        return self.sender

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return self.data


@contextmanager
def post_office(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, password: str = PASSWORD, **options: Any
) -> Iterator[Post]:
    """A real server; with `tls` it wants STARTTLS before a login, or shakes hands from the first byte."""
    post, loop, up = Post(password=password), asyncio.new_event_loop(), threading.Event()
    starttls = tls if not implicit else None
    options = {"auth_require_tls": starttls is not None, "authenticator": post.let_in, **options}

    async def serve() -> None:
        over = asyncio.Event()
        finish.append(lambda: loop.call_soon_threadsafe(over.set))
        server = await loop.create_server(
            lambda: SMTP(post, hostname="mail.lab.test", tls_context=starttls, loop=loop, **options),
            "127.0.0.1",
            0,
            ssl=tls if implicit else None,
        )
        post.port = server.sockets[0].getsockname()[1]
        up.set()
        async with server:
            await over.wait()

    finish: list[Callable[[], object]] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert up.wait(STARTS_WITHIN_S)
    try:
        yield post
    finally:
        finish[0]()
        thread.join(STARTS_WITHIN_S)
        loop.close()


@contextmanager
def saying(*answers: bytes, tls: ssl.SSLContext | None = None, drips_s: float = 0) -> Iterator[int]:
    """The port of a server that greets with the first of `answers`, and gives each line it hears the next one.

    `b""` ends the connection; after the last it stays silent. Each connection begins anew. With `drips_s` it waits so
    long before each byte. `%tag` is the first word of what it heard, by which IMAP tells answers apart.
    """
    over = threading.Event()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)

        def serve(plain: socket.socket) -> None:
            with contextlib.suppress(OSError), plain:
                line = tls.wrap_socket(plain, server_side=True) if tls else plain
                _speak(line, answers, over, drips_s)

        def take() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(plain,), daemon=True).start()

        threading.Thread(target=take, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)


def _speak(line: socket.socket, answers: Sequence[bytes], over: threading.Event, drips_s: float) -> None:
    heard = line.makefile("rb")
    for n, answer in enumerate(answers):
        said = heard.readline() if n else b" "
        if not said or not answer:
            return
        answer = answer.replace(b"%tag", said.split()[0] if n else b"")
        for piece in (answer[n : n + 1] for n in range(len(answer))) if drips_s else [answer]:
            over.wait(drips_s)
            line.sendall(piece)
    over.wait()
