"""The stack's roles and databases, made on servers of others."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployments.cluster import Cluster, binaries, running
from deployments.databases import JOURNAL, PREFECT, ROLES, DatabaseUnusable, Server, provision
from deployments.ports import free_port

ADMIN_PASSWORD = "admin's p@ss/word"


@pytest.fixture
def admin_url(tmp_path: Path) -> Iterator[str]:
    """A server nobody has used: roles belong to the whole server, so the session's is not good enough."""
    cluster = Cluster(folder=tmp_path / "data", port=free_port(), bin=binaries(), settings={"fsync": "off"})
    with running(cluster, ADMIN_PASSWORD):
        yield cluster.url("postgres", ADMIN_PASSWORD, "postgres")


@pytest.fixture
def passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(8) for role in ROLES}


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        for statement in statements:
            session.execute(statement.encode())


def with_rights(admin_url: str, rights: str) -> str:
    execute(admin_url, f"CREATE ROLE deputy LOGIN {rights} PASSWORD 'deputy'")
    return f"postgresql://deputy:deputy@{admin_url.rpartition('@')[2]}"


def assert_made(server: Server) -> None:
    for role, database in ROLES.items():
        with psycopg.connect(server.url(role)) as session:
            assert (session.info.user, session.info.dbname) == (role, database)
    with psycopg.connect(server.url(PREFECT)) as session:
        assert session.execute("SELECT FROM pg_extension WHERE extname = 'pg_trgm'").rowcount == 1


def test_it_makes_them_once_and_then_needs_no_rights(admin_url: str, passwords: dict[str, str]) -> None:
    server = Server(admin_url, passwords, ours=False)
    provision(server)
    provision(server)
    assert_made(server)
    provision(Server(admin_url.replace("postgres:", "nobody:"), passwords, ours=False))


def test_it_is_content_with_the_right_to_create(admin_url: str, passwords: dict[str, str]) -> None:
    server = Server(with_rights(admin_url, "CREATEROLE CREATEDB"), passwords, ours=False)
    provision(server)
    assert_made(server)


def test_it_lists_exactly_what_an_administrator_has_to_run(admin_url: str, passwords: dict[str, str]) -> None:
    server = Server(with_rights(admin_url, ""), passwords, ours=False)
    with pytest.raises(DatabaseUnusable, match="deputy may not create roles and databases") as refused:
        provision(server)
    assert not [password for password in passwords.values() if password in str(refused.value)]
    lines = [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")]
    elsewhere = lines.index("\\connect prefect")
    execute(admin_url, *lines[:elsewhere])
    execute(admin_url.removesuffix("/postgres") + "/prefect", *lines[elsewhere + 1 :])
    provision(server)
    assert_made(server)


def test_it_does_not_take_another_stacks_roles(admin_url: str, passwords: dict[str, str]) -> None:
    provision(Server(admin_url, passwords, ours=False))
    with pytest.raises(DatabaseUnusable, match="has the role 'prefect' already"):
        provision(Server(admin_url, dict.fromkeys(ROLES, "other"), ours=False))
    assert_made(Server(admin_url, passwords, ours=False))


def test_it_finishes_what_was_interrupted(admin_url: str, passwords: dict[str, str]) -> None:
    server = Server(admin_url, passwords, ours=False)
    provision(server)
    execute(admin_url, f"DROP DATABASE {JOURNAL}")
    provision(server)
    assert_made(server)


def test_it_says_what_to_check_when_the_password_is_wrong(admin_url: str, passwords: dict[str, str]) -> None:
    wrong = Server(f"postgresql://postgres:wrong@{admin_url.rpartition('@')[2]}", passwords, ours=False)
    with pytest.raises(DatabaseUnusable, match=r"(?s)password authentication failed.*Check DATABASE_URL"):
        provision(wrong)


def test_it_says_what_to_check_when_nobody_listens(passwords: dict[str, str]) -> None:
    url = f"postgresql://postgres:hidden@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(DatabaseUnusable, match=r"(?s)Connection refused.*Check DATABASE_URL") as refused:
        provision(Server(url, passwords, ours=False))
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "postgresql:///app", "postgresql://localhost/app", "nonsense"])
def test_it_refuses_urls_it_cannot_use(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="expected postgresql://user:password@host"):
        Server(url, {}, ours=False)


def test_it_keeps_the_administrators_options() -> None:
    server = Server(
        "postgres://a:b@db.example:6432/x?sslmode=require&target_session_attrs=any", {PREFECT: "p/w"}, ours=False
    )
    assert (
        server.url(PREFECT)
        == "postgresql://prefect:p%2Fw@db.example:6432/prefect?sslmode=require&target_session_attrs=any"
    )
    assert server.prefect_url == "postgresql+asyncpg://prefect:p%2Fw@db.example:6432/prefect?ssl=require"
