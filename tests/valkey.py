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
    _next: Iterator[int] = field(default_factory=lambda: itertools.count(1))

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
        folder, port = Path(name), free_port()
        lines = [f"user {user} on >{PASSWORD} {rights}" for user, rights in USERS.items()]
        (folder / valkey.USERS).write_text("\n".join([f"user default on >{PASSWORD} ~* &* +@all", *lines, ""]))
        started = valkey.command(folder, port, "--databases", str(DATABASES), *more)
        with subprocess.Popen(started, stdout=subprocess.DEVNULL) as process:
            try:
                server = Valkey(port=port, folder=folder)
                _wait(server)
                yield server
            finally:
                process.kill()


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
