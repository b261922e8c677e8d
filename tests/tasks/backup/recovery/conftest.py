"""A database of its own that is backed up, and may be dropped."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from tasks.backup.system import Backups
from tests.conftest import Server
from tests.tasks.backup.conftest import SCHEMA
from tests.tasks.backup.making import made
from tests.tasks.postgres.conftest import PASSWORD, staged

OFF = "UPDATE public.settings SET value = 'true' WHERE setting = 'emergency_stop'"


@dataclass
class Losable:
    """`name` on `server`, of the role `app`; `door` backs it up and may bring it back."""

    server: Server
    name: str
    folder: Path

    def url(self, user: str = "", database: str = "") -> SecretStr:
        parts = urlsplit(self.server.admin_url)
        netloc = f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}" if user else parts.netloc
        return SecretStr(urlunsplit(parts._replace(netloc=netloc, path=f"/{database or self.name}")))

    def door(self, **changed: object) -> Backups:
        given: dict[str, object] = {
            "url": self.url("boss"),
            "scratch_url": self.url(database="postgres"),
            "restore_url": self.url(database="postgres"),
            "folder": self.folder,
            "senders_off": (OFF,),
        }
        return Backups(**{**given, **changed})  # type: ignore[arg-type]

    def run(self, statement: str, database: str = "", user: str = "") -> list[tuple[object, ...]]:
        url = self.url(user, database).get_secret_value()
        with psycopg.connect(url, autocommit=True) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def drop(self) -> None:
        self.run(f'DROP DATABASE "{self.name}" WITH (FORCE)', "postgres")

    @property
    def databases(self) -> list[str]:
        """Those of its name, and what was made beside it."""
        rows = self.run(f"SELECT datname FROM pg_database WHERE starts_with(datname, '{self.name}')", "postgres")  # noqa: S608
        return sorted(str(name) for (name,) in rows)


def losable(server: Server, folder: Path) -> Iterator[Losable]:
    name = f"shop_{secrets.token_hex(3)}"
    with staged(server):  # the roles
        one = Losable(server, name, folder / "backups")
        one.run(f"CREATE DATABASE {name} OWNER app CONNECTION LIMIT 33", "postgres")
        one.run(
            f"ALTER DATABASE {name} SET search_path TO 'public', 'archive'; REVOKE CONNECT ON DATABASE {name} FROM "
            f"PUBLIC; GRANT CONNECT ON DATABASE {name} TO reader",
            "postgres",
        )
        one.run(
            "CREATE TABLE leads (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE);"
            "INSERT INTO leads (email) SELECT 'lead' || n FROM generate_series(1, 300) n; CREATE EXTENSION pgstattuple;"
            "CREATE TABLE settings (setting text PRIMARY KEY, value text); GRANT ALL ON settings, leads TO app;"
            "INSERT INTO settings VALUES ('emergency_stop', 'false')"
        )
        one.run(SCHEMA)
        try:
            yield one
        finally:
            with psycopg.connect(server.admin_url, autocommit=True) as session:
                for other in one.databases:
                    session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(other)))


@pytest.fixture(params=["postgres18", "postgres15"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Losable]:
    yield from losable(request.getfixturevalue(request.param), tmp_path)


@pytest.fixture
def shop18(postgres18: Server, tmp_path: Path) -> Iterator[Losable]:
    """For what does not differ between versions."""
    yield from losable(postgres18, tmp_path)


@pytest.fixture
def backed_up(shop18: Losable) -> Losable:
    assert made(shop18.door()).complete
    return shop18
