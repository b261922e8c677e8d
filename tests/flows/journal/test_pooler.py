"""A pooler that gives out servers by transaction would hand the incident's lock to whoever comes next."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr

from flows.journal import Journal, JournalUnavailable, Redactor
from flows.journal.migrate import migrate
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw

HELLO = b"R" + struct.pack("!II", 8, 0)
READY = b"Z" + struct.pack("!I", 5) + b"I"
# A pooler speaks for many servers, so it makes the pid up.
FAKE_PID = b"K" + struct.pack("!III", 12, 4_000_000, 1)
ENDS_A_TURN = b"QS"


class Pooler:
    """As small as a pooler can be: real servers, given to a client for a transaction or for its whole session."""

    def __init__(self, url: str, servers: int, by_session: bool) -> None:
        self._sessions = [psycopg.connect(url, autocommit=True) for _ in range(servers)]
        # The bare socket, logged in.
        self._free = [socket.socket(fileno=socket.dup(session.fileno())) for session in self._sessions]
        for server in self._free:
            server.setblocking(True)
        self._given_back = threading.Condition()
        self._by_session = by_session
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._parameters = b"".join(
            b"S" + struct.pack("!I", 4 + len(pair)) + pair
            for pair in (b"client_encoding\0UTF8\0", b"server_version\x0018.6\0", b"standard_conforming_strings\0on\0")
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for session in self._sessions:
            session.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            exactly(client, struct.unpack("!I", exactly(client, 4))[0] - 4)
            client.sendall(HELLO + self._parameters + FAKE_PID + READY)
            if self._by_session:
                with self._server() as server:
                    try:
                        while self._turn(client, server, message(client)):
                            pass
                    finally:
                        forget(server)
                return
            while True:
                first = message(client)
                with self._server() as server:
                    while self._turn(client, server, first) != b"I":
                        first = message(client)

    @contextmanager
    def _server(self) -> Iterator[socket.socket]:
        with self._given_back:
            assert self._given_back.wait_for(lambda: bool(self._free), timeout=60)
            server = self._free.pop()
        try:
            yield server
        finally:
            with self._given_back:
                self._free.append(server)
                self._given_back.notify()

    def _turn(self, client: socket.socket, server: socket.socket, first: bytes) -> bytes:
        """One exchange; the transaction's state after it."""
        while first[:1] not in ENDS_A_TURN:
            if first[:1] == b"X":
                raise EOFError
            server.sendall(first)
            first = message(client)
        server.sendall(first)
        while True:
            answer = message(server)
            client.sendall(answer)
            if answer[:1] == b"Z":
                return answer[-1:]


def exactly(peer: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = peer.recv(size - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def message(peer: socket.socket) -> bytes:
    head = exactly(peer, 5)
    return head + exactly(peer, struct.unpack("!I", head[1:])[0] - 4)


def forget(server: socket.socket) -> None:
    """As poolers do between two clients' sessions."""
    reset = b"DISCARD ALL\0"
    server.sendall(b"Q" + struct.pack("!I", 4 + len(reset)) + reset)
    while message(server)[:1] != b"Z":
        pass


@contextmanager
def pooled(url: str, *, servers: int = 3, by_session: bool = False) -> Iterator[str]:
    pooler = Pooler(url, servers, by_session)
    netloc = f"me:unchecked@127.0.0.1:{pooler.port}"
    try:
        yield urlunsplit(urlsplit(url)._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable"))
    finally:
        pooler.close()


SAID = "is behind a pooler that gives out servers by transaction.*Use the database's own port, or a pool with pool_mode"


@pytest.mark.parametrize("servers", [2, 3])
def test_it_refuses_a_transaction_pooler(roles: Roles, servers: int) -> None:
    with pooled(roles.runner_url, servers=servers) as url:
        journal = Journal(SecretStr(url), Redactor([]))
        with pytest.raises(JournalUnavailable, match=SAID):
            journal.open()
        with pytest.raises(JournalUnavailable, match=SAID):
            journal.hold("inc-1").__enter__()
    with pooled(roles.owner_url, servers=servers) as url, pytest.raises(JournalUnavailable, match=SAID):
        migrate(url, roles.runner)


def test_it_takes_a_session_pooler(roles: Roles) -> None:
    with pooled(roles.runner_url, by_session=True) as url:
        journal = Journal(SecretStr(url), Redactor([])).open()
        with journal.hold("inc-1") as log:
            log.append("engine", "opened", Raw("opened", {}))
            assert journal.is_held("inc-1")
