"""A server that speaks another language is understood by its codes. None is installed here: the words are replaced."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from pydantic import SecretStr

from tasks.postgres.connections.faults import TakeAllSlots
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import PASSWORD, Stage

GERMAN = "„timed out“ ist »no such user« nicht erlaubt".encode()


@contextmanager
def german(port: int) -> Iterator[int]:
    """A port that leads to the server at `port`, whose refusals come in German words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            threading.Thread(target=_translate, args=(server, client), daemon=True).start()


def _pump(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while said := client.recv(65536):
            server.sendall(said)
        server.shutdown(socket.SHUT_WR)


def _translate(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError, struct.error), client, server, server.makefile("rb") as stream:
        while kind := stream.read(1):
            body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            if kind == b"E":
                fields = [b"M" + GERMAN if field[:1] == b"M" else field for field in body.split(b"\0")]
                body = b"\0".join(b"SSCHWERWIEGEND" if field[:1] == b"S" else field for field in fields)
            client.sendall(kind + struct.pack("!I", len(body) + 4) + body)


@pytest.fixture
def url(stage: Stage) -> Iterator[Callable[..., SecretStr]]:
    server = int(stage.door().place.port)
    database = stage.admin_url.rpartition("/")[2]
    with german(server) as port:

        def to(user: str = "app", password: str = PASSWORD, name: str = database) -> SecretStr:
            plain = "sslmode=disable&gssencmode=disable"
            return SecretStr(f"postgresql://{user}:{password}@127.0.0.1:{port}/{name}?{plain}")

        yield to


def reason(url: SecretStr) -> Reason:
    with pytest.raises(NotConnected) as caught:
        PostgresServer(url=url).knock(url)
    return caught.value.reason


def test_it_tells_apart_what_the_server_refuses(stage: Stage, url: Callable[..., SecretStr]) -> None:
    database = stage.admin_url.rpartition("/")[2]

    assert reason(url(password="wrong")) is Reason.PASSWORD
    assert reason(url(name="nowhere")) is Reason.DATABASE_MISSING
    for changed, back, said in (
        ("ALTER ROLE app CONNECTION LIMIT 0", "ALTER ROLE app CONNECTION LIMIT -1", Reason.ROLE_LIMIT),
        ("ALTER ROLE app NOLOGIN", "ALTER ROLE app LOGIN", Reason.NO_LOGIN),
        (
            f"ALTER DATABASE {database} CONNECTION LIMIT 0",
            f"ALTER DATABASE {database} CONNECTION LIMIT -1",
            Reason.DATABASE_LIMIT,
        ),
        (
            f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {database} TO PUBLIC",
            Reason.NOT_ADMITTED,
        ),
    ):
        stage.admin(changed)
        try:
            assert reason(url()) is said
        finally:
            stage.admin(back)
    PostgresServer(url=url()).knock(url())


def test_it_tells_that_no_slot_is_left(cramped: Stage) -> None:
    with german(int(cramped.door().place.port)) as port:
        place = cramped.url("app").get_secret_value().rpartition("@")
        url = SecretStr(f"{place[0]}@127.0.0.1:{port}/{place[2].rpartition('/')[2]}?sslmode=disable&gssencmode=disable")
        fault = TakeAllSlots()
        trouble = fault.cause(cramped.door())
        try:
            assert reason(url) is Reason.TOO_MANY_CLIENTS
        finally:
            fault.cure(trouble)
