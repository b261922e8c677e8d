"""Who is to blame on a standby, where the server's own process stands in the queue."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from deployments.cluster import Cluster, running
from deployments.ports import free_port
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.postgres.system import PostgresServer
from tests.conftest import SETTINGS, Server
from tests.tasks.postgres.conftest import GRANTS, PASSWORD, Stage, until

READ = "SELECT count(*) FROM leads"
# Who reads is never cancelled for the replay's sake, as on a standby for reports.
PATIENT = {"max_standby_streaming_delay": "-1", "hot_standby_feedback": "off"}

pytestmark = pytest.mark.usefixtures("impatient")


@dataclass
class Pair:
    """A primary, and people who read from its standby."""

    primary: str
    standby: Stage

    def on_primary(self, *statements: str) -> psycopg.Connection:
        session = psycopg.connect(self.primary, autocommit=True)
        self.standby.stack.callback(session.close)
        for statement in statements:
            session.execute(statement.encode())
        return session

    def startup(self) -> int:
        ((pid,),) = self.standby.admin("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")
        return int(str(pid))


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The administrator's ways to a primary and to its standby."""
    shared: Server = request.getfixturevalue(request.param)
    with tempfile.TemporaryDirectory(prefix="incident-standby-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o711)
        settings = {**SETTINGS, "autovacuum": "off"}
        primary = Cluster(folder=Path(folder) / "primary", port=free_port(), bin=shared.cluster.bin, settings=settings)
        password = secrets.token_hex(16)
        stack.enter_context(running(primary, password))
        url = primary.url("postgres", password, "postgres")
        with psycopg.connect(url, autocommit=True) as admin:
            for role, grant in GRANTS.items():
                admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; {grant}".encode())
            admin.execute(
                "CREATE TABLE leads AS SELECT n AS id FROM generate_series(1, 9) n; GRANT ALL ON leads TO app"
            )
            admin.execute(
                "CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 9) n; GRANT ALL ON orders TO app"
            )
        standby = Cluster(
            folder=Path(folder) / "standby", port=free_port(), bin=shared.cluster.bin, settings={**settings, **PATIENT}
        )
        copy = ["-D", str(standby.folder), "-d", url, "-X", "stream", "-c", "fast", "-R", "--no-sync"]
        subprocess.run([standby.bin / "pg_basebackup", *copy], check=True, capture_output=True)
        owner = primary.folder.stat()
        for path in (standby.folder, *standby.folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        stack.enter_context(running(standby, password))
        yield url, standby.url("postgres", password, "postgres")


@pytest.fixture
def pair(servers: tuple[str, str]) -> Iterator[Pair]:
    primary, standby = servers
    with ExitStack() as stack:
        stage = Stage(standby, stack)
        yield Pair(primary, stage)
        stack.close()
        for thread in stage.threads:
            thread.join(60)


def door(pair: Pair) -> PostgresServer:
    return pair.standby.door()


def test_it_blames_the_report_for_which_the_replay_waits(pair: Pair) -> None:
    report = pair.standby.begins("report", READ).info.backend_pid
    pair.on_primary("ALTER TABLE leads ADD COLUMN IF NOT EXISTS note text")
    until(lambda: pair.standby.admin("SELECT 1 FROM pg_locks WHERE NOT granted"), "the replay waits for the report")
    web = [pair.standby.queues(pair.standby.session(f"web-{n}"), READ) for n in range(2)]

    found, plan = check_blocked_sessions.fn(door(pair)), TerminateBlockingSessions().plan(door(pair))

    assert f"at the head is pid {report} (report), idle in transaction for " in found.says
    assert found.says.endswith("which holds the relation leads: its end frees 2.")
    assert [(row["pid"], row["waits_for"]) for row in found.rows] == [
        (report, "its client"),
        (pair.startup(), "ACCESS EXCLUSIVE on leads"),
        *((pid, "ACCESS SHARE on leads") for pid in web),
    ]
    assert [command.target["pid"] for command in plan.commands] == [report]
    TerminateBlockingSessions().apply(door(pair), plan)
    until(lambda: not pair.standby.chains(), "everybody is through")


def test_it_leaves_a_backup_of_the_standby_alone(pair: Pair) -> None:
    backup = pair.standby.begins("pg_dump", READ)
    pair.on_primary("ALTER TABLE leads DROP COLUMN IF EXISTS note")
    pair.on_primary("ALTER TABLE leads ADD COLUMN note text")
    until(lambda: pair.standby.admin("SELECT 1 FROM pg_locks WHERE NOT granted"), "the replay waits for the backup")
    pair.standby.queues(pair.standby.session("web"), READ)

    plans = [action.plan(door(pair)) for action in (CancelBlockingQueries(), TerminateBlockingSessions())]

    assert [plan.commands for plan in plans] == [(), ()]
    assert "(pg_dump) is a backup: let it finish." in plans[1].does
    assert f"at the head is pid {backup.info.backend_pid} (pg_dump)" in check_blocked_sessions.fn(door(pair)).says
    backup.close()
    until(lambda: not pair.standby.chains(), "the replay goes on")


def test_it_blames_whoever_reads_the_rows_that_the_replay_removes(pair: Pair) -> None:
    """It holds a table's lock for the primary, and waits for no lock but for a snapshot."""
    snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    report = pair.standby.begins("report", snapshot, "SELECT count(*) FROM orders")
    pair.on_primary("DELETE FROM orders WHERE id < 5")
    migration = pair.on_primary("BEGIN", "LOCK TABLE leads IN ACCESS EXCLUSIVE MODE", "INSERT INTO leads VALUES (0)")
    pair.on_primary("VACUUM orders", "INSERT INTO orders VALUES (0)")
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'RecoveryConflictSnapshot'"
    until(lambda: pair.standby.admin(waits), "the replay waits for the snapshot")
    pair.standby.queues(pair.standby.session("web"), READ)

    found = check_blocked_sessions.fn(door(pair))

    assert f"at the head is pid {report.info.backend_pid} (report), " in found.says
    assert found.rows[1]["pid"] == pair.startup()
    assert found.rows[1]["waits_for"] == "those who still read old rows"
    report.close()
    until(lambda: not pair.standby.admin(waits), "the replay goes on")
    migration.close()


def test_it_never_ends_the_replay_and_sends_people_to_the_primary(pair: Pair) -> None:
    migration = pair.on_primary("BEGIN", "LOCK TABLE leads IN ACCESS EXCLUSIVE MODE", "INSERT INTO leads VALUES (0)")
    pair.on_primary("INSERT INTO orders VALUES (0)")
    held = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    until(lambda: pair.standby.admin(held), "the replay holds it")
    waits = pair.standby.queues(pair.standby.session("web"), READ)

    plans = [action.plan(door(pair)) for action in (CancelBlockingQueries(), TerminateBlockingSessions())]

    assert [plan.commands for plan in plans] == [(), ()]
    assert plans[1].does == (
        f"Nothing to end. Pid {pair.startup()} (startup), which replays the primary's log, is never ended. It holds "
        "the relation leads for a transaction of the primary: look there who holds it, and end that one. "
        f"Waiting meanwhile: pid {waits} (web)."
    )
    assert check_blocked_sessions.fn(door(pair)).remedy in plans[0].does
    migration.close()


def test_it_says_how_a_paused_replay_goes_on(pair: Pair) -> None:
    migration = pair.on_primary("BEGIN", "LOCK TABLE leads IN ACCESS EXCLUSIVE MODE", "INSERT INTO leads VALUES (0)")
    pair.on_primary("INSERT INTO orders VALUES (0)")
    held = "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    until(lambda: pair.standby.admin(held), "the replay holds it")
    pair.standby.admin("SELECT pg_wal_replay_pause()")
    try:
        pair.on_primary("INSERT INTO orders VALUES (0)")
        pair.standby.queues(pair.standby.session("web"), READ)
        until(
            lambda: (
                "The replay is paused; to go on: SELECT pg_wal_replay_resume();"
                in check_blocked_sessions.fn(door(pair)).remedy
            ),
            "it says so",
        )
    finally:
        pair.standby.admin("SELECT pg_wal_replay_resume()")
        migration.close()
