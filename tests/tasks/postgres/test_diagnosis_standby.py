"""Every question of every runbook answers on a standby, and says so where a server does not let itself be asked yet."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from deployments.cluster import Cluster, running
from deployments.leash import leashed
from deployments.ports import free_port
from runbooks.model import AnyCheck
from tasks.model import Verdict
from tasks.postgres.system import PostgresServer
from tests.conftest import SETTINGS, Server
from tests.tasks.postgres.conftest import PASSWORD, until
from tests.tasks.postgres.questions import ask, every_question, place


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def primary(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of its own, with a table and somebody who may look."""
    shared: Server = request.getfixturevalue(request.param)
    with tempfile.TemporaryDirectory(prefix="incident-standby-") as folder:
        Path(folder).chmod(0o711)
        cluster = Cluster(
            folder=Path(folder) / "primary", port=free_port(), bin=shared.cluster.bin, settings=dict(SETTINGS)
        )
        password = secrets.token_hex(16)
        with running(cluster, password):
            with psycopg.connect(cluster.url("postgres", password, "postgres"), autocommit=True) as admin:
                admin.execute(f"CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}'; GRANT pg_monitor TO watcher")
                admin.execute("CREATE TABLE leads AS SELECT n AS id FROM generate_series(1, 20000) n; ANALYZE leads")
            yield Server(cluster, password)


def copied(primary: Server, name: str, **settings: str) -> Cluster:
    """A standby of `primary`, not yet started."""
    ours = primary.cluster
    copy = Cluster(
        folder=ours.folder.with_name(name), port=free_port(), bin=ours.bin, settings={**SETTINGS, **settings}
    )
    target = ["-D", str(copy.folder), "-d", primary.admin_url, "-X", "stream", "-c", "fast", "-R", "--no-sync"]
    subprocess.run([ours.bin / "pg_basebackup", *target], check=True, capture_output=True)
    owner = ours.folder.stat()
    for path in (copy.folder, *copy.folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    return copy


def door(cluster: Cluster) -> PostgresServer:
    return PostgresServer(url=SecretStr(cluster.url("watcher", PASSWORD, "postgres")))


@pytest.fixture(scope="module")
def standby(primary: Server) -> Iterator[PostgresServer]:
    cluster = copied(primary, "standby")
    with running(cluster, primary.password):
        with psycopg.connect(cluster.url("postgres", primary.password, "postgres")) as session:
            assert session.execute("SELECT pg_is_in_recovery(), to_regclass('leads')").fetchone() == (True, "leads")
        yield door(cluster)


@pytest.fixture(scope="module")
def recovering(primary: Server) -> Iterator[PostgresServer]:
    """A server in recovery, which admits nobody."""
    cluster = copied(primary, "recovering", hot_standby="off")
    with _unanswering(cluster):
        yield door(cluster)


@contextmanager
def _unanswering(cluster: Cluster) -> Iterator[None]:
    cluster.configure()
    child = subprocess.Popen(
        leashed(cluster.command(), stop="INT", how=cluster.drop), stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until(lambda: "starting up" in _said(cluster) or "not accepting" in _said(cluster), "it is in recovery")
        yield
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)


def _said(cluster: Cluster) -> str:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(cluster.url("postgres", PASSWORD, "postgres"), connect_timeout=2)
    return str(refused.value)


@every_question
def test_it_answers_on_a_hot_standby(asked: AnyCheck, standby: PostgresServer) -> None:
    finding = ask(asked, place(standby))

    assert "SQLSTATE" not in finding.says
    assert finding.verdict is not Verdict.UNKNOWN or finding.remedy, finding.says


@every_question
def test_it_says_that_a_server_in_recovery_admits_nobody(asked: AnyCheck, recovering: PostgresServer) -> None:
    finding = ask(asked, place(recovering))

    assert finding.verdict >= Verdict.UNKNOWN
    assert "starting up" in finding.says
    assert finding.remedy
