"""A migrated journal in a database of its own, with an owner and a running role that are no superusers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from flows.journal import Journal, Redactor
from tests.conftest import Server
from tests.flows.raw import Raw


@dataclass(frozen=True, kw_only=True)
class Roles:
    """One database as its superuser, the tables' owner and a worker reach it."""

    admin_url: str
    owner_url: str
    runner_url: str
    runner: str

    def journal(self, *values: str) -> Journal:
        return Journal(SecretStr(self.runner_url), Redactor(values))


@contextmanager
def roles_on(server: Server) -> Iterator[Roles]:
    with server.fresh_database() as admin_url:
        names = {role: f"{role}_{secrets.token_hex(4)}" for role in ("owner", "runner")}
        urls = {role: _as(admin_url, name) for role, name in names.items()}
        with psycopg.connect(admin_url, autocommit=True) as admin:
            for name in names.values():
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pass-word'").format(sql.Identifier(name)))
            name = urlsplit(admin_url).path[1:]
            admin.execute(
                sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                    sql.Identifier(name), sql.Identifier(names["owner"])
                )
            )
        yield Roles(admin_url=admin_url, owner_url=urls["owner"], runner_url=urls["runner"], runner=names["runner"])


def _as(admin_url: str, user: str) -> str:
    parts = urlsplit(admin_url)
    return urlunsplit(parts._replace(netloc=f"{user}:pass-word@{parts.hostname}:{parts.port}"))


@pytest.fixture
def empty(postgres18: Server) -> Iterator[Roles]:
    """Not migrated yet."""
    with roles_on(postgres18) as roles:
        yield roles


@contextmanager
def copied(server: Server, of: Roles) -> Iterator[Roles]:
    """A database of its own, of which `of` is the template: migrating takes ten times as long."""
    with server.fresh_database(urlsplit(of.admin_url).path[1:]) as admin_url:
        path = urlsplit(admin_url).path
        owner_url, runner_url = (urlunsplit(urlsplit(url)._replace(path=path)) for url in (of.owner_url, of.runner_url))
        yield replace(of, admin_url=admin_url, owner_url=owner_url, runner_url=runner_url)


@pytest.fixture
def journal(roles: Roles) -> Journal:
    return roles.journal()


@pytest.fixture
def aged(roles: Roles) -> Roles:
    """Two incidents that ended long ago, one that never did, and one of today."""
    from tests.flows.journal.old import old_incident

    for incident in ("inc-1", "inc-2"):
        old_incident(roles, incident)
    old_incident(roles, "inc-open", closed=False)
    with roles.journal().hold("inc-new") as log:
        log.append("engine", "opened", Raw("opened", {"says": "today"}))
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed"}))
    return roles


@pytest.fixture
def gone(aged: Roles, tmp_path: Path) -> Roles:
    """The two of long ago were let go, and removed."""
    from tests.flows.journal.graves import removed, retired

    retired(aged, tmp_path)
    assert removed(aged, tmp_path) == 8
    return aged
