"""Who is to blame: the jams of public incident reports, replayed, and who is proposed to go."""

from __future__ import annotations

import re

import pytest

from tasks.model import Finding, Plan
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.checks import check_blocked_sessions
from tests.tasks.postgres.conftest import Stage, until

TOUCH = "UPDATE leads SET status = status WHERE id = {}"
READ = "SELECT count(*) FROM leads"

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """The application may change its table, as it often can."""
    stage.admin("ALTER TABLE leads OWNER TO app")
    return stage


@pytest.fixture
def stage18(stage18: Stage) -> Stage:
    stage18.admin("ALTER TABLE leads OWNER TO app")
    return stage18


def migrates(stage: Stage, user: str = "app") -> int:
    return stage.queues(stage.session("migration", user), "ALTER TABLE leads ADD COLUMN note text")


def readers(stage: Stage, n: int = 4) -> list[int]:
    return [stage.queues(stage.session(f"web-{i}"), READ) for i in range(n)]


def cancel(stage: Stage) -> Plan:
    return CancelBlockingQueries().plan(stage.door())


def end(stage: Stage) -> Plan:
    return TerminateBlockingSessions().plan(stage.door())


def targets(plan: Plan) -> list[object]:
    return [command.target["pid"] for command in plan.commands]


def ask(stage: Stage) -> Finding:
    return check_blocked_sessions.fn(stage.door())


def still(says: str) -> str:
    """A sentence without what moves by itself."""
    return re.sub(r"\b\d+ s\b", "N s", says)


def quits(stage: Stage, *pids: int) -> None:
    for pid in pids:
        stage.admin(f"SELECT pg_terminate_backend({pid})")


@pytest.mark.parametrize("name", ["pg_dump", "nightly-copy"])
def test_it_blames_the_migration_that_queues_behind_a_backup(stage: Stage, name: str) -> None:
    backup = stage.begins(name, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", READ).info.backend_pid
    migration = migrates(stage)
    web = readers(stage)

    found, plan = ask(stage), cancel(stage)

    assert (
        f"; pid {migration} (migration), which asks for ACCESS EXCLUSIVE on leads, stands behind pid {backup} "
        f"({name}), idle in transaction for N s: cancelling it frees 4 behind it." in still(found.says)
    )
    assert targets(plan) == targets(end(stage)) == [migration]
    assert plan.does.startswith(
        f"Cancel the query of pid {migration} (migration), which asks for ACCESS EXCLUSIVE on leads and waits for pid "
        f"{backup} ({name}), "
    )
    assert plan.does.endswith("; 4 sessions wait behind it.")

    CancelBlockingQueries().apply(stage.door(), plan)

    until(lambda: not stage.chains(), "all readers are through")
    assert {backup, *web} <= {pid for (pid,) in stage.admin("SELECT pid FROM pg_stat_activity")}
    assert end(stage).commands == ()


def test_it_blames_it_behind_a_report_at_work(stage: Stage) -> None:
    report = stage.runs(stage.session("report"), "SELECT count(*), pg_sleep(600) FROM leads")
    until(lambda: stage.admin("SELECT 1 FROM pg_locks WHERE relation = 'leads'::regclass"), "the report reads")
    migration = migrates(stage)
    readers(stage, 2)

    assert targets(cancel(stage)) == [migration]
    assert f"stands behind pid {report} (report), active for N s, waiting for the time to pass" in still(
        ask(stage).says
    )
    quits(stage, report, migration)


def test_it_blames_it_behind_a_vacuum(stage: Stage) -> None:
    stage.admin("INSERT INTO leads (status) SELECT repeat('x', 1900) FROM generate_series(1, 5000)")
    cleaner = stage.session("psql", "boss")
    cleaner.execute("SET vacuum_cost_delay = 100")
    cleaner.execute("SET vacuum_cost_limit = 1")
    vacuum = stage.runs(cleaner, "VACUUM leads")
    until(lambda: stage.admin("SELECT 1 FROM pg_stat_progress_vacuum"), "it vacuums")
    migration = migrates(stage)
    alone = cancel(stage)
    readers(stage, 2)

    assert targets(alone) == targets(cancel(stage)) == [migration]
    assert alone.does.endswith("; nobody waits yet behind it.")
    assert f"stands behind pid {vacuum} (psql), active for " in ask(stage).says
    quits(stage, vacuum, migration)


def test_it_blames_all_that_have_to_go(stage18: Stage) -> None:
    """Behind one migration stands the next: with either of them, the readers still wait."""
    stage18.begins("backup", READ)
    migrations = [migrates(stage18), migrates(stage18)]
    readers(stage18, 2)

    assert targets(cancel(stage18)) == migrations
    assert "frees 2 behind it" in ask(stage18).says


def test_it_spares_those_who_queue_for_less(stage18: Stage) -> None:
    """Behind the migration stand writers, behind these an index build, behind it more writers."""
    stage18.begins("backup", READ)
    migration = migrates(stage18)
    stage18.queues(stage18.session("web-1"), TOUCH.format(1))
    stage18.queues(stage18.session("indexer"), "CREATE INDEX ON leads (status)")
    stage18.queues(stage18.session("web-2"), TOUCH.format(2))

    assert targets(cancel(stage18)) == [migration]
    assert "frees 3 behind it" in ask(stage18).says


def test_it_does_not_end_a_report_for_a_migration_that_waits_alone(stage18: Stage) -> None:
    stage18.begins("report", READ)
    migration = migrates(stage18)

    assert targets(cancel(stage18)) == [migration]
    assert ask(stage18).says.endswith("cancelling it frees nobody yet, and nobody queues behind it then.")


def test_it_ends_who_forgot_to_commit_rather_than_a_migration_alone(stage18: Stage) -> None:
    forgotten = stage18.begins("worker", TOUCH.format(1)).info.backend_pid
    migrates(stage18)

    assert cancel(stage18).commands == ()
    assert targets(end(stage18)) == [forgotten]


def test_it_does_not_end_a_backup_for_which_an_index_build_waits(stage18: Stage) -> None:
    """The build waits for the backup's snapshot by design, a migration for the build."""
    stage18.begins("nightly-copy", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1")
    stage18.queues(stage18.session("indexer", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")
    migration = migrates(stage18)

    assert targets(cancel(stage18)) == targets(end(stage18)) == [migration]


def test_it_lets_an_index_build_finish_for_which_a_vacuum_waits(stage18: Stage) -> None:
    stage18.begins("report", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", READ)
    stage18.queues(stage18.session("indexer", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")
    vacuum = stage18.queues(stage18.session("cleaner"), "VACUUM leads")

    assert targets(cancel(stage18)) == targets(end(stage18)) == [vacuum]


def test_it_tells_of_the_orphan_before_a_migration(preparing: Stage) -> None:
    preparing.admin("ALTER TABLE leads OWNER TO app")
    preparing.begins("shop", TOUCH.format(1)).execute("PREPARE TRANSACTION 'order 7'")
    try:
        migration = migrates(preparing)
        readers(preparing, 2)
        found, plan = ask(preparing), cancel(preparing)
    finally:
        preparing.admin("ROLLBACK PREPARED 'order 7'")

    assert targets(plan) == [migration]
    assert "stands behind the prepared transaction 'order 7' of app, open for " in found.says
    assert "COMMIT PREPARED 'order 7';" in found.remedy


def test_it_frees_the_readers_first_where_the_head_cannot_be_cancelled(stage18: Stage) -> None:
    forgotten = stage18.begins("worker", TOUCH.format(1)).info.backend_pid
    stage18.queues(stage18.session("web-9"), TOUCH.format(1))
    migration = migrates(stage18)
    readers(stage18)

    assert targets(cancel(stage18)) == [migration]
    # With the head everybody is through, the migration too.
    assert targets(end(stage18)) == [forgotten]


def test_it_leaves_the_backup_alone_where_the_migration_is_a_superusers(stage18: Stage) -> None:
    stage18.begins("nightly-copy", READ)
    migration = migrates(stage18, user="boss")
    readers(stage18, 2)

    plan = cancel(stage18)

    assert plan.commands == ()
    assert plan.does.startswith(
        f"Nothing to cancel. Pid {migration} (migration) belongs to the superuser boss: ask whoever runs it. "
        f"Waiting meanwhile: pid {migration} (migration), pid "
    )
    assert ask(stage18).remedy in plan.does


def test_it_blames_the_head_where_rows_are_queued_for(stage: Stage) -> None:
    """The first in the queue holds the row for the others: his going would free nobody."""
    head = stage.begins("worker", TOUCH.format(1)).info.backend_pid
    for n in range(3):
        stage.queues(stage.session(f"web-{n}"), TOUCH.format(1))

    found = ask(stage)

    assert targets(end(stage)) == [head]
    assert [row["frees"] for row in found.rows] == [3, 0, 0, 0]


def test_it_blames_the_head_behind_which_everybody_waits(stage18: Stage) -> None:
    """A migration that was forgotten keeps readers and other migrations out alike."""
    forgotten = stage18.begins("migration", "ALTER TABLE leads ADD COLUMN x int").info.backend_pid
    migrates(stage18)
    readers(stage18)

    assert targets(end(stage18)) == [forgotten]


def test_it_lets_shared_advisory_locks_through(stage18: Stage) -> None:
    stage18.session("reader-1").execute("SELECT pg_advisory_lock_shared(7)")
    writer = stage18.queues(stage18.session("writer"), "SELECT pg_advisory_lock(7)")
    stage18.queues(stage18.session("reader-2"), "SELECT pg_advisory_lock_shared(7)")

    assert targets(cancel(stage18)) == [writer]


def test_it_shows_the_queue_as_a_tree(stage: Stage) -> None:
    backup = stage.begins("backup", READ).info.backend_pid
    migration = migrates(stage)
    web = readers(stage, 2)

    rows = ask(stage).rows

    assert [(row["queue"], row["waits_for"], row["frees"]) for row in rows] == [
        (f"pid {backup} (backup)", "its client", 3),
        (f"└─ pid {migration} (migration)", "ACCESS EXCLUSIVE on leads", 2),
        (f"└── pid {web[0]} (web-0)", "ACCESS SHARE on leads", 0),
        (f"└── pid {web[1]} (web-1)", "ACCESS SHARE on leads", 0),
    ]
    assert [row["waited_s"] is None for row in rows] == [True, False, False, False]
    assert [row["touched"] for row in cancel(stage).evidence] == [False, True, False, False]


@pytest.mark.parametrize(
    ("key", "said"),
    [("42", "42"), ("-42", "-42"), ("9223372036854775807", "9223372036854775807"), ("-1, 7", "(-1, 7)")],
)
def test_it_names_an_advisory_lock_as_the_application_wrote_it(stage: Stage, key: str, said: str) -> None:
    stage.session("importer").execute(f"SELECT pg_advisory_lock({key})".encode())
    stage.queues(stage.session("importer-2"), f"SELECT pg_advisory_lock({key})")

    found = ask(stage)

    assert f"(importer), idle for N s, which holds the advisory lock {said}: its end frees 1." in still(found.says)
    assert found.rows[1]["waits_for"] == f"the advisory lock {said} (EXCLUSIVE)"


def test_it_shows_an_index_build_that_waits_for_whoever_waits_for_an_advisory_lock(stage: Stage) -> None:
    holder = stage.session("flyway")
    holder.execute("SELECT pg_advisory_lock(77)")
    other = stage.queues(stage.session("flyway-2"), "SELECT pg_advisory_lock(77)")
    build = stage.queues(stage.session("flyway-3", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")

    found = ask(stage)

    assert [(row["pid"], row["waits_for"], row["frees"]) for row in found.rows] == [
        (holder.info.backend_pid, "its client", 2),
        (other, "the advisory lock 77 (EXCLUSIVE)", 1),
        (build, "the end of a transaction that began before", 0),
    ]
    assert found.facts["waiting"] == 2
    assert targets(end(stage)) == [holder.info.backend_pid]


def test_it_sees_a_program_that_waits_for_itself(stage: Stage) -> None:
    """It holds its lock in one session and builds in another; no server sees that circle."""
    snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    holder = stage.begins("flyway", snapshot, "SELECT pg_advisory_lock(77)").info.backend_pid
    build = stage.queues(stage.session("flyway-2", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")

    assert [row["pid"] for row in ask(stage).rows] == [holder, build]
    assert targets(end(stage)) == [holder]


def test_it_names_no_table_where_two_insert_the_same_key(stage18: Stage) -> None:
    insert = "INSERT INTO leads (email) VALUES ('new')"
    holder = stage18.begins("shop", insert).info.backend_pid
    stage18.queues(stage18.session("shop-2"), insert)

    found = ask(stage18)

    assert f"pid {holder} (shop), idle in transaction for N s, which holds what it has written: its end" in still(
        found.says
    )
    assert found.rows[1]["waits_for"] == "the end of a transaction"


def test_it_takes_the_processes_of_one_query_for_one_session(stage: Stage) -> None:
    """A query with workers reads while a migration waits for it: all of them are its leader."""
    stage.admin("INSERT INTO leads (status) SELECT 'new' FROM generate_series(1, 20000)")
    stage.admin("ALTER TABLE leads SET (parallel_workers = 2); ANALYZE leads")
    report = stage.session("report")
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0"):
        report.execute(f"SET {setting}".encode())
    slow = "SELECT count(*) FROM leads WHERE pg_sleep(0.01) IS NOT NULL"
    pid = stage.runs(report, slow)
    until(lambda: stage.admin(f"SELECT 1 FROM pg_stat_activity WHERE leader_pid = {pid}"), "it has workers")  # noqa: S608
    migration = migrates(stage)

    assert [row["pid"] for row in ask(stage).rows] == [pid, migration]
    quits(stage, pid, migration)
