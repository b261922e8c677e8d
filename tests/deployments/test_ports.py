"""Which port a server gets."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployments import ports
from deployments.ports import SPARE, NoSuchPort, choose, free_port, is_free
from deployments.trouble import CannotStart

GIVEN_AWAY = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_not_among_those_that_outgoing_connections_are_given() -> None:
    first = int(GIVEN_AWAY.read_text().split()[0]) if GIVEN_AWAY.exists() else 49152
    assert SPARE[-1] < first or first < 32768, "somebody changed this machine's range"
    assert all(free_port() in SPARE for _ in range(50))


def test_no_port_is_given_twice() -> None:
    """It may be seconds until somebody listens there."""
    given = [free_port() for _ in range(500)]
    assert len(set(given)) == 500


def test_it_leaves_out_what_somebody_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        held = free_port()
        server.bind(("127.0.0.1", held))
        server.listen()
        monkeypatch.setattr(ports, "SPARE", range(held, held + 2))
        monkeypatch.setattr(ports, "_turns", itertools.count())
        assert not is_free(held)
        assert free_port() == held + 1
        monkeypatch.setattr(ports, "SPARE", range(held, held + 1))
        with pytest.raises(CannotStart, match=f"No port between {held} and {held} is free"):
            free_port()


def test_prefect_says_at_once_that_somebody_took_its_port() -> None:
    with socket.socket() as server:
        port = free_port()
        server.bind(("127.0.0.1", port))
        server.listen()
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "deployments.prefect_app"],
            env={**os.environ, "PREFECT_SERVER_API_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Another program has taken port {port} meanwhile.")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("asked", [0, -1, 65_536])
def test_it_refuses_what_is_no_port(asked: int) -> None:
    """Port 0 would be any port to the server, and nobody would find it there."""
    with pytest.raises(NoSuchPort, match=f"{asked} is no port for Prefect. Ask for 1 to 65535"):
        choose("Prefect", print, asked=asked)
