"""A Postgres of our own, started for real."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from pathlib import Path

import psycopg
import pytest

from deployments.cluster import Cluster, NoPostgres, NotReady, binaries, running
from deployments.ports import free_port, is_free
from deployments.unprivileged import Drop
from tests.conftest import Server


def version(url: str) -> int:
    with psycopg.connect(url) as session:
        return session.info.server_version // 10000


def test_it_runs_the_wheels_postgres(postgres18: Server) -> None:
    assert version(postgres18.admin_url) == 18


def test_it_runs_the_distributions_postgres(postgres15: Server) -> None:
    assert version(postgres15.admin_url) == 15


def test_it_gives_each_test_a_database_of_its_own(database: str, postgres18: Server) -> None:
    with psycopg.connect(database) as session:
        assert session.info.dbname.startswith("test_")
        assert session.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert session.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_it_asks_for_a_password(postgres18: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres18.url("postgres", "wrong", "postgres"))


def test_it_keeps_its_data_and_takes_a_new_port(tmp_path: Path) -> None:
    password = secrets.token_urlsafe(16)
    with running(Cluster(folder=tmp_path / "data", port=free_port()), password) as cluster:
        with psycopg.connect(cluster.url("postgres", password, "postgres"), autocommit=True) as session:
            session.execute("CREATE TABLE kept ()")
        first = cluster.port
    assert is_free(first)
    with running(Cluster(folder=tmp_path / "data", port=free_port()), password) as cluster:
        assert cluster.port != first
        with psycopg.connect(cluster.url("postgres", password, "postgres")) as session:
            session.execute("SELECT FROM kept")


def test_it_leaves_no_password_on_disk(tmp_path: Path) -> None:
    password = secrets.token_urlsafe(16)
    Cluster(folder=tmp_path / "data", port=free_port()).initialise(password)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if password.encode() in file.read_bytes()]


def test_it_shows_the_logs_tail_when_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = Cluster(folder=tmp_path / "data", port=taken.getsockname()[1])
        with pytest.raises(NotReady, match="Address already in use"), running(cluster, "secret"):
            pass


def test_it_shows_the_logs_tail_when_a_setting_is_wrong(tmp_path: Path) -> None:
    cluster = Cluster(folder=tmp_path / "data", port=free_port(), settings={"max_connections": "many"})
    with pytest.raises(NotReady, match='invalid value for parameter "max_connections"'), running(cluster, "secret"):
        pass


def test_it_begins_anew_after_an_interrupted_initdb(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "half").touch()
    cluster = Cluster(folder=tmp_path / "data", port=free_port())
    cluster.initialise("secret")
    assert cluster.initialised


def test_it_prefers_the_binaries_it_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for program in ("postgres", "initdb"):
        (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("LAB_PG_BIN", os.fspath(tmp_path))
    assert binaries() == tmp_path


def test_it_says_when_the_binaries_it_was_told_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_PG_BIN", os.fspath(tmp_path))
    with pytest.raises(NoPostgres, match="no `postgres` and `initdb` there"):
        binaries()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.parametrize("reachable", [True, False])
def test_it_runs_as_nobody_where_namespaces_are_forbidden(monkeypatch: pytest.MonkeyPatch, reachable: bool) -> None:
    monkeypatch.setattr("deployments.cluster.way", lambda: Drop.NOBODY)
    monkeypatch.setattr("deployments.cluster._open_to_all", lambda _folder: reachable)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with running(Cluster(folder=Path(folder) / "data", port=free_port()), "secret") as cluster:
            with psycopg.connect(cluster.url("postgres", "secret", "postgres")) as session:
                assert session.info.server_version // 10000 == 18
            assert cluster.folder.owner() == "nobody"
        assert (Path(folder) / "postgres-binaries").exists() is not reachable
