"""Servers that really are that old: their next transaction was set far ahead."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from deployments.cluster import SUPERUSER, Cluster, running
from deployments.leash import leashed
from deployments.ports import free_port
from tasks.model import Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.postgres.vacuum.queries import TRANSACTION_AGES
from tasks.postgres.values import number
from tests.conftest import SETTINGS, Server

# A file of the commit log holds 32 pages of 8 KiB, four transactions a byte; of the multixact offsets, 2,048 a page.
TRANSACTIONS_A_FILE = 32 * 8192 * 4
MULTIXACTS_A_FILE = 32 * 2048
PASSWORD = secrets.token_urlsafe(16)


def aged(
    server: Server, folder: Path, *, settings: dict[str, str], transactions: int = 0, multixacts: int = 0
) -> Cluster:
    """A new, stopped server whose next numbers lie at the beginning of a file of zeroes, as far ahead as asked."""
    cluster = Cluster(
        folder=folder / "data", port=free_port(), bin=server.cluster.bin, settings={**SETTINGS, **settings}
    )
    cluster.initialise(PASSWORD)
    options = []
    if transactions:
        file = transactions // TRANSACTIONS_A_FILE
        zeroes(cluster, cluster.folder / "pg_xact" / f"{file:04X}")
        options += ["-x", str(file * TRANSACTIONS_A_FILE)]
    if multixacts:
        file = multixacts // MULTIXACTS_A_FILE
        zeroes(cluster, cluster.folder / "pg_multixact" / "offsets" / f"{file:04X}")
        options += ["-m", f"{file * MULTIXACTS_A_FILE},1"]
    does(cluster, [str(cluster.bin / "pg_resetwal"), "-D", str(cluster.folder), *options])
    return cluster


def zeroes(cluster: Cluster, file: Path) -> None:
    does(cluster, ["dd", "if=/dev/zero", f"of={file}", "bs=8192", "count=32"])


def does(cluster: Cluster, command: list[str]) -> None:
    """As the server's own user, who has to be able to write what this writes."""
    subprocess.run(leashed(command, how=cluster.drop), check=True, capture_output=True)


@contextmanager
def old(server: Server, *, freeze_at: int = 200_000_000, **ages: int) -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="incident-pg-") as folder:
        Path(folder).chmod(0o711)
        # Or it would have frozen everything before we look.
        never = {"autovacuum_naptime": "2147483", "autovacuum_freeze_max_age": str(freeze_at)}
        cluster = aged(server, Path(folder), settings=never, **ages)
        with running(cluster, PASSWORD):
            yield PostgresServer(url=SecretStr(cluster.url(SUPERUSER, PASSWORD, "postgres")))


@pytest.mark.parametrize(
    ("transactions", "freeze_at", "verdict"),
    [
        # Autovacuum comes at 200 million: this is merely late.
        (300_000_000, 200_000_000, Verdict.OK),
        (600_000_000, 200_000_000, Verdict.WARN),
        (1_200_000_000, 200_000_000, Verdict.BAD),
        # Somebody told it to come later still.
        (1_200_000_000, 2_000_000_000, Verdict.WARN),
        (1_700_000_000, 2_000_000_000, Verdict.BAD),
    ],
)
def test_it_judges_servers_that_are_that_old(
    postgres18: Server, transactions: int, freeze_at: int, verdict: Verdict
) -> None:
    with old(postgres18, transactions=transactions, freeze_at=freeze_at) as postgres:
        found = check_transaction_age.fn(postgres)

    assert found.verdict is verdict
    # initdb's own transactions were some hundreds; the next number is rounded down to a file.
    assert found.value == pytest.approx(transactions, abs=TRANSACTIONS_A_FILE + 2000)


@pytest.mark.parametrize("kind", ["transactions", "multixacts"])
@pytest.mark.parametrize("server", ["postgres18", "postgres15"])
def test_it_names_what_is_old_and_is_content_once_it_is_frozen(
    request: pytest.FixtureRequest, server: str, kind: str
) -> None:
    with old(request.getfixturevalue(server), **{kind: 1_100_000_000}) as postgres:
        found = check_transaction_age.fn(postgres)
        for database in ("postgres", "template1"):
            url = f"{postgres.url.get_secret_value().rpartition('/')[0]}/{database}"
            with psycopg.connect(url, autocommit=True) as session:
                session.execute("VACUUM FREEZE")
        # Nobody can connect to template0: autovacuum would freeze it.
        left = postgres.rows("SELECT datname FROM pg_database WHERE NOT datallowconn")
        ages = {row["database"]: row[kind] for row in postgres.rows(TRANSACTION_AGES)}

    assert found.verdict is Verdict.BAD
    assert found.unit == kind
    assert found.says.startswith("The oldest row is 1,09")
    assert f" {kind} old, in the database " in found.says
    assert {"postgres", "template0", "template1"} <= {row.get("database") for row in found.rows}
    assert any(str(row.get("table", "")).startswith("pg_") for row in found.rows)
    assert [row["datname"] for row in left] == ["template0"]
    assert all(number(age) < 10_000 for database, age in ages.items() if database != "template0")
