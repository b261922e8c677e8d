"""Blocking chains as the server shows them: heads, depth, every kind of lock."""

from __future__ import annotations

from datetime import datetime

from tasks.postgres.locks.jam import look
from tests.tasks.postgres.conftest import Stage, until

TOUCH = "UPDATE leads SET status = status WHERE id = {}"


def test_it_follows_a_chain_to_its_head(stage: Stage) -> None:
    head = stage.begins("billing-worker", TOUCH.format(1))
    second = stage.begins("web-1", TOUCH.format(2))
    third = stage.begins("web-2", TOUCH.format(3))
    waiting = [
        stage.queues(second, TOUCH.format(1)),
        stage.queues(third, TOUCH.format(2)),
        stage.queues(stage.session("web-3"), TOUCH.format(3)),
    ]

    (chain,) = stage.chains()

    assert chain["pid"] == head.info.backend_pid
    assert chain["waiters"] == waiting
    assert (chain["waiting"], chain["waiting_directly"]) == (3, 1)
    assert (chain["application"], chain["user"], chain["state"]) == ("billing-worker", "app", "idle in transaction")
    assert (chain["client"], chain["superuser"], chain["circle"]) == ("127.0.0.1", False, False)
    assert chain["query"] == "UPDATE leads SET status = status WHERE id = ?"
    assert chain["relation"] == "leads"
    ((started,),) = stage.admin("SELECT backend_start FROM pg_stat_activity WHERE application_name = 'billing-worker'")
    assert datetime.fromisoformat(str(chain["backend_start"])) == started


def test_it_tells_two_heads_apart(stage: Stage) -> None:
    heads = {stage.begins(f"job-{n}", TOUCH.format(n)).info.backend_pid for n in (1, 2)}
    for n in (1, 2):
        stage.queues(stage.session(f"web-{n}"), TOUCH.format(n))

    assert {chain["pid"] for chain in stage.chains()} == heads


def test_it_counts_a_session_behind_two_heads_for_both(stage18: Stage) -> None:
    heads = [stage18.begins(f"report-{n}", "SELECT count(*) FROM leads").info.backend_pid for n in (1, 2)]
    waiting = stage18.queues(stage18.begins("migration"), "LOCK TABLE leads IN ACCESS EXCLUSIVE MODE")

    assert {chain["pid"]: chain["waiters"] for chain in stage18.chains()} == {pid: [waiting] for pid in heads}


def test_it_sees_table_locks_and_the_queue_behind_a_migration(stage: Stage) -> None:
    report = stage.begins("report", "SELECT count(*) FROM leads")
    migration = stage.begins("migration", user="boss")
    waiting = [
        stage.queues(migration, "ALTER TABLE leads ADD COLUMN note text"),
        stage.queues(stage.session("web-1"), "SELECT count(*) FROM leads"),
    ]

    (chain,) = stage.chains()

    assert (chain["pid"], chain["waiters"]) == (report.info.backend_pid, waiting)
    assert (chain["locktype"], chain["mode"], chain["relation"]) == ("relation", "AccessExclusiveLock", "leads")


def test_it_sees_advisory_locks(stage: Stage) -> None:
    holder = stage.session("importer")
    holder.execute("SELECT pg_advisory_lock(42)")
    stage.queues(stage.session("importer-2"), "SELECT pg_advisory_lock(42)")

    (chain,) = stage.chains()

    assert (chain["pid"], chain["locktype"], chain["relation"]) == (holder.info.backend_pid, "advisory", None)
    assert chain["state"] == "idle"


def test_it_names_a_prepared_transaction_as_head(preparing: Stage) -> None:
    preparing.begins("shop", TOUCH.format(1)).execute("PREPARE TRANSACTION 'order''s 7'")
    try:
        waiting = [preparing.queues(preparing.session(f"web-{n}"), TOUCH.format(1)) for n in (1, 2)]

        (chain,) = preparing.chains()

        assert (chain["pid"], chain["gid"], chain["user"]) == (None, "order's 7", "app")
        assert (chain["waiters"], chain["waiting_directly"]) == (waiting, 1)
    finally:
        preparing.admin("ROLLBACK PREPARED 'order''s 7'")


def test_it_does_not_name_a_prepared_transaction_that_is_in_nobodys_way(preparing: Stage) -> None:
    """Both hold a lock on the table; what one of them holds stands beside what is asked for."""
    preparing.begins("shop", "SELECT FROM leads WHERE id = 9 FOR SHARE").execute("PREPARE TRANSACTION 'innocent'")
    preparing.begins("shop", "LOCK TABLE leads IN SHARE ROW EXCLUSIVE MODE").execute("PREPARE TRANSACTION 'guilty'")
    try:
        waiting = preparing.queues(preparing.session("web-1"), TOUCH.format(1))

        assert [(chain["gid"], chain["waiters"]) for chain in preparing.chains()] == [("guilty", [waiting])]
    finally:
        for gid in ("innocent", "guilty"):
            preparing.admin(f"ROLLBACK PREPARED '{gid}'")


def test_it_sees_sessions_that_wait_for_each_other(stage: Stage) -> None:
    stage.admin("ALTER ROLE boss SET deadlock_timeout = '60s'")
    try:
        first = stage.begins("job-1", TOUCH.format(1), user="boss")
        second = stage.begins("job-2", TOUCH.format(2), user="boss")
        circle = [stage.queues(first, TOUCH.format(2)), stage.queues(second, TOUCH.format(1))]
        outside = stage.queues(stage.session("web-1"), TOUCH.format(1))

        (chain,) = stage.chains()

        assert chain["circle"] is True
        assert chain["pid"] == min(circle)
        assert sorted(map(int, map(str, chain["waiters"]))) == sorted([*circle, outside])  # type: ignore[arg-type]
    finally:
        stage.admin("ALTER ROLE boss RESET deadlock_timeout")


def test_it_leaves_out_an_index_build_that_waits_for_old_transactions(stage: Stage) -> None:
    stage.begins("report", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM leads")
    stage.queues(stage.session("migration", "boss"), "CREATE INDEX CONCURRENTLY ON leads (status)")

    assert stage.chains() == []


def test_it_leaves_out_our_own_sessions_as_waiters_but_not_as_heads(stage18: Stage) -> None:
    stage18.admin("GRANT ALL ON leads TO reader, incident_runner")
    ours = stage18.begins("incident-pipelines", TOUCH.format(1), user="reader")
    stage18.queues(stage18.session("incident-journal", "incident_runner"), TOUCH.format(1))
    assert stage18.chains() == []

    stage18.queues(stage18.session("web-1"), TOUCH.format(1))
    (chain,) = stage18.chains()
    assert (chain["pid"], chain["ours"]) == (ours.info.backend_pid, True)


def test_it_leaves_out_short_waits(stage18: Stage) -> None:
    stage18.begins("billing-worker", TOUCH.format(1))
    stage18.queues(stage18.session("web-1"), TOUCH.format(1))

    assert look(stage18.door(), 60).heads == []


def test_it_sees_nothing_where_sessions_are_merely_busy(stage: Stage) -> None:
    stage.begins("report", "SELECT count(*) FROM leads")
    stage.runs(stage.begins("batch", TOUCH.format(1)), "SELECT pg_sleep(30)")
    stage.session("web-1").execute(TOUCH.format(2))
    until(
        lambda: stage.admin("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND application_name = 'batch'"), ""
    )

    assert stage.chains() == []
    stage.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batch'")


def test_it_stays_fast_with_a_long_queue(stage18: Stage) -> None:
    """A queue of n sessions has 2^n paths through it."""
    stage18.begins("billing-worker", TOUCH.format(1))
    waiting = [stage18.runs(stage18.session(f"web-{n}"), TOUCH.format(1)) for n in range(30)]
    until(lambda: (chains := stage18.chains()) and chains[0]["waiting"] == 30, "all queue")

    (chain,) = stage18.chains()

    assert set(waiting) == set(map(int, map(str, chain["waiters"])))  # type: ignore[arg-type]
