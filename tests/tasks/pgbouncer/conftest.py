"""A real PgBouncer before a real Postgres."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from deployments.leash import leashed
from deployments.ports import free_port
from tasks.pgbouncer.system import Pooler
from tests.conftest import Server, needs
from tests.tasks.postgres.conftest import PASSWORD, Stage, staged, until

# Debian puts it where an ordinary user's PATH does not look.
PLACES = ("pgbouncer", "/usr/sbin/pgbouncer")


@dataclass(frozen=True)
class Pooled:
    """A PgBouncer with two server connections for the stage's database, which clients know as `shop`."""

    stage: Stage
    port: int
    process: subprocess.Popen[bytes]

    def url(self, user: str, database: str = "shop", password: str = PASSWORD) -> SecretStr:
        return SecretStr(f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}")

    def door(self) -> Pooler:
        return Pooler(
            url=self.url("reader", "pgbouncer"),
            action_url=self.url("actor", "pgbouncer"),
            client_url=self.url("app"),
        )

    def client(self) -> psycopg.Connection:
        opened = psycopg.connect(self.url("app").get_secret_value(), autocommit=True, prepare_threshold=None)
        self.stage.stack.callback(opened.close)
        return opened


def _config(folder: Path, port: int, server: Server, database: str) -> Path:
    users = "".join(f'"{user}" "{PASSWORD}"\n' for user in ("app", "reader", "actor"))
    (folder / "users.txt").write_text(users)
    place = f"host=127.0.0.1 port={server.cluster.port} dbname={database}"
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\nshop = {place}\nkept = {place} pool_mode=session\n"
        f"each = {place} pool_mode=statement\ndown = host=127.0.0.1 port={free_port()}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users.txt\nstats_users = reader\nadmin_users = actor\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 20\nserver_login_retry = 1\n"
        f"logfile = {folder}/log\n"
    )
    return folder / "pgbouncer.ini"


@pytest.fixture
def pooled(postgres18: Server) -> Iterator[Pooled]:
    program = next((found for place in PLACES if (found := _found(place))), None) or needs("pgbouncer")
    with staged(postgres18) as stage, tempfile.TemporaryDirectory(prefix="incident-pgbouncer-") as name:
        folder, port = Path(name), free_port()
        config = _config(folder, port, postgres18, stage.admin_url.rpartition("/")[2])
        for path in (folder, *folder.iterdir()):
            path.chmod(0o777)
        # It refuses to be root.
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        process = subprocess.Popen(leashed([program, *user, str(config)]), stderr=subprocess.DEVNULL)
        ready = Pooled(stage, port, process)
        try:
            until(lambda: _answers(ready), "PgBouncer answers")
            yield ready
        finally:
            stage.stack.close()
            process.terminate()
            process.wait(10)


def _found(place: str) -> str | None:
    return place if Path(place).is_absolute() and os.access(place, os.X_OK) else None


def _answers(ready: Pooled) -> bool:
    assert ready.process.poll() is None, "PgBouncer ended while starting: its configuration, or who it runs as"
    try:
        psycopg.connect(ready.url("reader", "pgbouncer").get_secret_value(), autocommit=True).close()
    except psycopg.OperationalError:
        return False
    return True
