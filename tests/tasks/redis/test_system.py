"""The door to Redis: who is not let in is told why, and which right is missing."""

from __future__ import annotations

import logging
import socketserver
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr, ValidationError

from deployments.ports import free_port
from tasks.model import CannotLook, Refused, Verdict
from tasks.redis.checks import check_redis_answers
from tasks.redis.system import Redis
from tests.valkey import PASSWORD, Valkey, running


def door(valkey: Valkey, user: str = "reader", database: int = 0) -> Redis:
    return Redis(**valkey.settings(database, user))


def refused(redis: Redis) -> CannotLook:
    with pytest.raises(CannotLook) as said, redis.session() as session:
        session.run("GET", "x")
    return said.value


def test_it_looks_with_an_account_that_may_only_read(valkey: Valkey) -> None:
    found = list(door(valkey).examine())
    assert [one.verdict for one in found] == [Verdict.OK], found[0].says
    with pytest.raises(Refused, match=r"may not run 'set'"), door(valkey).session() as session:
        session.run("SET", "x", "1")
    with pytest.raises(CannotLook), door(valkey).session() as session:
        session.script("return redis.call('SET', 'x', '1')", [], [])


def test_it_names_the_right_that_is_missing(valkey: Valkey) -> None:
    (found,) = door(valkey, "nobody_special").examine()
    assert found.verdict is Verdict.BAD
    assert found.says == f"The user 'nobody_special' of 127.0.0.1:{valkey.port} may not run 'info'."
    assert found.remedy.startswith("ACL SETUSER nobody_special +info ")


def test_it_tells_a_wrong_password_from_none(valkey: Valkey) -> None:
    wrong = door(valkey).model_copy(update={"password": SecretStr("wrong-horse-battery")})
    none = door(valkey).model_copy(update={"username": None, "password": None})
    unknown = door(valkey).model_copy(update={"username": "stranger"})
    for redis, word in ((wrong, "WRONGPASS"), (unknown, "WRONGPASS"), (none, "NOAUTH")):
        error = refused(redis)
        assert isinstance(error, Refused)
        assert word in error.says
        assert PASSWORD not in error.says + error.remedy
        assert "horse" not in error.says + error.remedy


def test_it_tells_that_nothing_listens() -> None:
    redis = Redis(host="127.0.0.1", port=free_port())
    assert not isinstance(refused(redis), Refused)
    found = check_redis_answers.fn(redis)
    assert found.verdict is Verdict.BAD
    assert "nothing listens there" in found.says


def test_it_tells_a_server_without_a_password() -> None:
    with running("--protected-mode", "no") as server:
        with server.client() as client:
            client.acl_setuser("default", enabled=True, nopass=True)
        assert "has no password" in refused(Redis(host="127.0.0.1", port=server.port, password=SecretStr("x"))).says


def test_it_tells_a_replica(valkey: Valkey) -> None:
    with running("--replicaof", f"127.0.0.1 {free_port()}") as server:
        redis = Redis(**server.settings(0, "worker"))
        with pytest.raises(Refused, match="is a replica"), redis.session() as session:
            session.run("SET", "x", "1")


def test_it_takes_no_writes_for_done_where_memory_is_full() -> None:
    with running("--maxmemory", "1mb") as server:
        redis = Redis(**server.settings(0, "worker"))
        with redis.session() as session, pytest.raises(Refused, match="memory is full"):
            session.each([("SET", f"x{number}", "x" * 10_000) for number in range(500)])


@contextmanager
def answers(line: bytes) -> Iterator[int]:
    """A server that says the same to everything."""

    class Same(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.request.recv(4096):
                self.wfile.write(line)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Same) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(
    ("line", "kind", "word"),
    [
        (b"-LOADING Valkey is loading the dataset in memory\r\n", CannotLook, "loads its data"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", CannotLook, "lost its primary"),
        (b"-BUSY Valkey is busy running a script.\r\n", CannotLook, "held up by a script"),
        (b"-ERR max number of clients reached\r\n", CannotLook, "no more connections"),
        (b"-MISCONF Errors writing to the AOF file\r\n", Refused, "cannot save to disk"),
        (b"-ERR something else \x1b[31m\r\n", CannotLook, "“something else [31m”"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", CannotLook, "does not let itself be asked"),
    ],
)
def test_it_says_what_a_servers_error_means(line: bytes, kind: type[CannotLook], word: str) -> None:
    with answers(line) as port:
        error = refused(Redis(host="127.0.0.1", port=port))
    assert type(error) is kind
    assert word in error.says


def test_it_does_not_wait_for_a_server_that_says_nothing() -> None:
    with answers(b"") as port:
        assert "did not answer within 0.2 s" in refused(Redis(host="127.0.0.1", port=port, limit_s=0.2)).says


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "x"},
        {"ca_file": "/x.pem"},
        {"host": "http://x"},
        {"host": "x", "port": 0},
        {"username": "two words", "password": "x"},
    ],
)
def test_it_refuses_settings_that_cannot_be_meant(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Redis.model_validate({"host": "127.0.0.1", **wrong})


@contextmanager
def repeats() -> Iterator[int]:
    """A server that quotes whatever it is told, passwords too."""

    class Quotes(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while heard := self.request.recv(4096):
                self.wfile.write(b"-ERR you said " + b" ".join(heard.split()) + b"\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Quotes) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_no_password_is_told_whatever_the_server_says(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    with repeats() as port:
        for redis in (door(valkey), door(valkey).model_copy(update={"port": port})):
            shown += [repr(redis), str(list(redis.examine()))]
            try:
                shown.append(repr(check_redis_answers.fn(redis)))
            except CannotLook as error:
                shown += traceback.format_exception(error)
    assert "you said" in "".join(shown), "the server that repeats was heard"
    assert PASSWORD not in "".join([*shown, caplog.text])
