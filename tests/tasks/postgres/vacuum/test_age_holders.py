"""What keeps rows from being frozen is named, whichever database it is in, and what is advised helps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from deployments.cluster import Cluster, running
from deployments.ports import free_port
from tasks.model import Finding, Threshold, Verdict
from tasks.postgres.vacuum.age import check_transaction_age
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged, until

OLD = 5_000
LIMIT = Threshold(warn=OLD, bad=10 * OLD, because="Owner: this test.")


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def aging(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server on which transactions can be prepared and logical slots made, and nobody vacuums by himself."""
    shared: Server = request.getfixturevalue(request.param)
    settings = {"max_prepared_transactions": "5", "wal_level": "logical", "autovacuum": "off"}
    with own_server(shared.cluster.bin, settings) as server:
        yield server


@pytest.fixture
def stage(aging: Server) -> Iterator[Stage]:
    with staged(aging) as ready:
        yield ready


def ages(stage: Stage) -> None:
    """OLD transactions happen: each block with a handler that writes is one."""
    stage.admin("CREATE TABLE IF NOT EXISTS numbers (n int)")
    stage.admin(
        f"DO $$ BEGIN FOR n IN 1..{OLD + 100} LOOP BEGIN INSERT INTO numbers VALUES (n); "  # noqa: S608
        "EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$"
    )


def ask(stage: Stage) -> Finding:
    return check_transaction_age.fn(stage.door(), LIMIT)


def test_it_names_a_session_that_holds_an_old_transaction(stage: Stage) -> None:
    pid = stage.begins("importer", "UPDATE leads SET status = 'seen' WHERE id = 1").info.backend_pid
    ages(stage)

    found = ask(stage)

    assert found.verdict is Verdict.WARN
    assert f" VACUUM cannot freeze past pid {pid} (importer), idle in transaction: 5," in found.says
    line = found.remedy.partition("by hand: ")[2]
    stage.admin(line)
    until(lambda: "VACUUM cannot" not in ask(stage).says, "nobody holds any more")


def test_it_names_a_prepared_transaction_in_another_database(stage: Stage) -> None:
    with psycopg.connect(stage.admin_url.rpartition("/")[0] + "/postgres", autocommit=True) as elsewhere:
        elsewhere.execute("CREATE TABLE IF NOT EXISTS orders (n int)")
        elsewhere.execute("BEGIN; INSERT INTO orders VALUES (1)")
        elsewhere.execute("PREPARE TRANSACTION 'order 7'")
        try:
            ages(stage)
            found = ask(stage)
        finally:
            elsewhere.execute("ROLLBACK PREPARED 'order 7'")

    assert " VACUUM cannot freeze past the prepared transaction 'order 7' of postgres: 5," in found.says
    assert "By hand, in the database postgres: COMMIT PREPARED 'order 7';" in found.remedy
    assert "VACUUM cannot" not in ask(stage).says


def test_it_names_a_slot_that_nobody_reads(stage: Stage) -> None:
    stage.admin("SELECT pg_create_logical_replication_slot('forgotten', 'test_decoding')")
    try:
        ages(stage)
        found = ask(stage)
    finally:
        stage.admin("SELECT pg_drop_replication_slot('forgotten')")

    assert " VACUUM cannot freeze past the inactive replication slot forgotten: 5," in found.says
    assert "if that is gone for good: SELECT pg_drop_replication_slot('forgotten');" in found.remedy


def test_it_names_the_temporary_table_of_an_idle_session(stage: Stage) -> None:
    owner = stage.session("report", "boss")
    owner.execute("CREATE TEMPORARY TABLE seen AS SELECT 1 AS n")
    ages(stage)
    stage.admin("VACUUM FREEZE")
    before = ask(stage)

    whose = f"pid {owner.info.backend_pid} (report), idle"
    assert f" VACUUM cannot freeze past the temporary table seen of {whose}: 5," in before.says
    stage.admin(before.remedy.partition("end that one: ")[2])
    until(lambda: not stage.admin("SELECT 1 FROM pg_class WHERE relpersistence = 't'"), "it is gone")
    assert "VACUUM cannot" not in ask(stage).says


def test_it_names_a_standby_that_says_what_is_read_there(aging: Server, stage: Stage) -> None:
    standby = Cluster(
        folder=aging.cluster.folder.with_name("standby"),
        port=free_port(),
        bin=aging.cluster.bin,
        settings={**aging.cluster.settings, "hot_standby_feedback": "on", "wal_receiver_status_interval": "1"},
    )
    target = ["-D", str(standby.folder), "-d", stage.admin_url, "-X", "stream", "-c", "fast", "-R", "--no-sync"]
    subprocess.run([standby.bin / "pg_basebackup", *target], check=True, capture_output=True)
    owner = aging.cluster.folder.stat()
    for path in (standby.folder, *standby.folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    with running(standby, aging.password):
        there = Stage(standby.url("postgres", aging.password, stage.admin_url.rpartition("/")[2]), stage.stack)
        with psycopg.connect(there.admin_url) as report:
            report.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            report.execute("SELECT count(*) FROM leads")
            until(lambda: stage.admin("SELECT 1 FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"), "it says so")
            ages(stage)
            found = ask(stage)
        until(lambda: "VACUUM cannot" not in ask(stage).says, "nothing is read there any more")

    assert " VACUUM cannot freeze past the standby pid " in found.says
    assert found.remedy.endswith("End the oldest query on that standby, or set hot_standby_feedback = off there.")


def test_it_does_not_blame_our_own_sessions(stage: Stage) -> None:
    stage.admin("GRANT ALL ON leads TO reader")
    stage.begins("incident-pipelines", "UPDATE leads SET status = 'seen' WHERE id = 1", user="reader")
    ages(stage)

    found = ask(stage)

    assert "VACUUM cannot" not in found.says
    assert "incident-pipelines" not in {row.get("application") for row in found.rows}
