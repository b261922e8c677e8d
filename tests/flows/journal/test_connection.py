"""A session that both ends watch: neither a vanished server nor a vanished machine is waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from flows.journal.connection import Connection, connect
from flows.step.fence import ANSWERS_WITHIN_S, ASKED_EVERY_S
from tests.flows.journal.conftest import Roles


@pytest.fixture
def session(roles: Roles) -> Iterator[Connection]:
    with connect(SecretStr(roles.runner_url)) as session:
        yield session


# Seconds, seconds, probes, milliseconds.
CLIENT = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}
SERVER = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "idle_session_timeout": 0,
}


def test_it_notices_a_server_that_vanished(session: Connection) -> None:
    """Read off the socket itself: the kernel's own two hours are not in force."""
    with socket.socket(fileno=os.dup(session.fileno())) as ours:
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert {name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in CLIENT} == CLIENT


def test_it_lets_the_server_notice_a_machine_that_vanished(session: Connection) -> None:
    """Its lock would belong to nobody otherwise, and the incident could not be taken up."""
    shown = {name: int(str(session.execute(f"SHOW {name}".encode()).fetchall()[0][0])) for name in SERVER}
    assert shown == SERVER


def test_whoever_is_cut_off_dies_before_the_server_gives_its_lock_away() -> None:
    silent_s = SERVER["tcp_keepalives_idle"] + SERVER["tcp_keepalives_count"] * SERVER["tcp_keepalives_interval"]
    assert silent_s > 2 * (ASKED_EVERY_S + ANSWERS_WITHIN_S)
