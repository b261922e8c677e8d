"""A real Valkey for tests: one a session, a database of its own for each test, and users with few rights."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from pydantic import SecretStr

from deployments.lab import valkey
from deployments.ports import free_port
from tasks.queues.system import CHANGING
from tasks.redis.system import READING

HOST = "127.0.0.1"
PASSWORD = "correct-horse-battery"
STARTS_WITHIN_S = 60.0
DATABASES = 500
# Whoever looks, whoever acts, an application's worker, and one who may do nothing.
USERS = {
    "reader": f"resetchannels %R~* -@all {READING}",
    "actor": f"resetchannels ~bull:* ~own* ~incident:* -@all {CHANGING}",
    "worker": "~* &* +@all",
    "nobody_special": "~* -@all +ping",
}


@dataclass
class Valkey:
    """A running server. `users` are those of `USERS` and `default`, all with `PASSWORD`."""

    port: int
    folder: Path
    more: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None
    _next: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self) -> None:
        """Up, with whatever it finds in its folder."""
        command = valkey.command(self.folder, self.port, "--databases", str(DATABASES), *self.more)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _wait(self)

    def kill(self) -> None:
        """As the kernel does it where memory is short."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def client(self, database: int = 0) -> redis.Redis:
        """As somebody who may do everything."""
        return redis.Redis(HOST, self.port, database, username="worker", password=PASSWORD, decode_responses=True)

    def fresh(self) -> int:
        """A database nobody has used."""
        return next(self._next)

    def settings(self, database: int, user: str = "reader") -> dict[str, Any]:
        return {
            "host": HOST,
            "port": self.port,
            "database": database,
            "username": user,
            "password": SecretStr(PASSWORD),
        }


@contextmanager
def running(*more: str) -> Iterator[Valkey]:
    """A server of one's own, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="incident-valkey-") as name:
        folder = Path(name)
        lines = [f"user {user} on >{PASSWORD} {rights}" for user, rights in USERS.items()]
        (folder / valkey.USERS).write_text("\n".join([f"user default on >{PASSWORD} ~* &* +@all", *lines, ""]))
        server = Valkey(port=free_port(), folder=folder, more=more)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _wait(server: Valkey) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    with server.client() as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return
