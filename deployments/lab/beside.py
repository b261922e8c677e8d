"""The lab's servers beside its Postgres: programs of ours, each with a folder and ports of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template

from deployments.home import Home
from deployments.lab import pieces
from deployments.lab.piece import Place, Url
from deployments.supervise import Program, Supervisor
from deployments.trouble import CannotStart

ANSWERS_WITHIN_S = 20.0
POLL_S = 0.05

PIECES = pieces.found()
SERVERS = {name: piece for name, piece in PIECES.items() if piece.script}
NAMES = list(SERVERS)
# By the name it has in the lab's state: what people call it.
PORTS = {port: f"the lab's {name}" for name, piece in SERVERS.items() for port in piece.ports}


def programs(home: Home, url: Url, ports: Mapping[str, int]) -> list[Program]:
    """What is to be run, each prepared anew."""
    for name, piece in PIECES.items():
        place = Place(name=name, home=home, url=url, ports=ports)
        if piece.script or piece.prepare:
            place.folder.mkdir(mode=0o700, exist_ok=True)
        if piece.prepare:
            piece.prepare(place)
    return [piece.program(Place(name=name, home=home, url=url, ports=ports)) for name, piece in SERVERS.items()]


def environment(home: Home, url: Url, ports: Mapping[str, int]) -> Iterator[str]:
    """What each piece says in the lab's environment. It holds passwords."""
    for name, piece in PIECES.items():
        values = piece.told(Place(name=name, home=home, url=url, ports=ports))
        lines = resources.files(pieces).joinpath(f"{name}.toml")
        if lines.is_file():
            # JSON's strings are TOML's; a '$' would be read as a variable when the file is loaded.
            given = {key: json.dumps(value).replace("$", "$$") for key, value in values.items()}
            yield Template(lines.read_text(encoding="utf-8")).substitute(given)


def start(supervisor: Supervisor) -> None:
    """Start those that are not up. They are not waited for: they are up long before the database is."""
    up = supervisor.pids()
    for name in SERVERS:
        if name not in up:
            supervisor.start(name)


def wait(supervisor: Supervisor, ports: Mapping[str, int]) -> None:
    """Wait until each port of each is open.

    Raises:
        CannotStart: one ended, or does not open it.
    """
    until = time.monotonic() + ANSWERS_WITHIN_S
    for name, piece in SERVERS.items():
        alive = supervisor.watch(name)
        for port in piece.ports:
            while not _open(ports[port]):
                if not alive() or time.monotonic() > until:
                    raise CannotStart(f"The lab's {name} did not start. See {supervisor.part.log(name)}.")
                time.sleep(POLL_S)


def _open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
