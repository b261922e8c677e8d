"""Commits that wait for a synchronous standby that is not there, on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from tasks.model import Threshold, Verdict
from tasks.postgres.locks.actions import CancelBlockingQueries, TerminateBlockingSessions
from tasks.postgres.locks.checks import check_blocked_sessions, check_long_transactions
from tasks.postgres.replication import synchronous
from tasks.postgres.replication.synchronous import check_synchronous_commits
from tasks.postgres.statements import checks as statements
from tasks.postgres.statements.checks import check_running_statements
from tests.tasks.postgres.conftest import Stage, until

TOUCH = "UPDATE leads SET status = 'paid' WHERE id = 1"
AT_ONCE = Threshold(warn=-2, bad=-1, because="Owner: this test.")

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def waiting(preparing: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A server whose commits wait for a standby nobody has ever seen; the administrator's do not."""
    monkeypatch.setattr(synchronous, "NOTICEABLE_S", 0.0)
    ((database,),) = preparing.admin("SELECT current_database()")
    preparing.admin(f"ALTER DATABASE {database} SET synchronous_commit = 'local'")
    preparing.admin("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (ghost)'")
    preparing.admin("SELECT pg_reload_conf()")
    named = "SELECT 1 FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> ''"
    until(lambda: preparing.admin(named), "the server knows")
    try:
        yield preparing
    finally:
        preparing.admin("ALTER SYSTEM RESET synchronous_standby_names")
        preparing.admin("SELECT pg_reload_conf()")


def pays(stage: Stage) -> psycopg.Connection:
    """A session whose COMMIT waits when this returns."""
    session = stage.session("payment")
    session.execute("SET synchronous_commit = on")
    session.execute("BEGIN")
    session.execute(TOUCH)
    pid = stage.runs(session, "COMMIT")
    waits = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep'"  # noqa: S608
    until(lambda: stage.admin(waits), "it waits")
    return session


def test_it_says_what_a_commit_waits_for(waiting: Stage) -> None:
    pid = pays(waiting).info.backend_pid

    found = check_synchronous_commits.fn(waiting.door(), AT_ONCE)

    assert found.verdict is Verdict.BAD
    assert re.sub(r"for \d+ s", "for N s", found.says) == (
        f"1 session waits for a synchronous standby (SyncRep), for N s (bad from -1 s): pid {pid} (payment). "
        "synchronous_standby_names is 'FIRST 1 (ghost)', and none of those named is connected."
    )
    assert found.remedy.endswith("ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf();")


def test_it_is_ok_where_no_commit_waits(stage: Stage) -> None:
    found = check_synchronous_commits.fn(stage.door())

    assert (found.verdict, found.remedy) == (Verdict.OK, "")
    assert found.says == "No COMMIT has waited for a synchronous standby for 1 s or longer (bad from 30 s)."


def test_it_cancels_nobody_for_whom_others_wait(waiting: Stage) -> None:
    pid = pays(waiting).info.backend_pid
    waiting.queues(waiting.session("web-1"), "UPDATE leads SET status = 'sent' WHERE id = 1")

    found = check_blocked_sessions.fn(waiting.door())

    assert re.sub(r"\d+ s,", "N s,", found.says).endswith(
        f"at the head is pid {pid} (payment), active for N s, waiting for a synchronous standby (SyncRep), which holds "
        "a row of leads: its end frees 1."
    )
    assert found.rows[0]["waits_for"] == "a synchronous standby (SyncRep)"
    for action in (CancelBlockingQueries(), TerminateBlockingSessions()):
        plan = action.plan(waiting.door())
        assert plan.commands == ()
        assert found.remedy in plan.does
    assert "is committed here and stays so" in found.remedy
    assert "ALTER SYSTEM SET synchronous_standby_names = '';" in found.remedy


def test_it_is_no_open_transaction_and_no_running_statement(waiting: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is to be ended: it is committed."""
    monkeypatch.setattr(statements, "NOTICEABLE_S", 0.0)
    pays(waiting)
    session = waiting.session("payment-2")
    session.execute("SET synchronous_commit = on")
    waiting.runs(session, "UPDATE leads SET status = 'sent' WHERE id = 2")
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' HAVING count(*) = 2"
    until(lambda: waiting.admin(waits), "both wait")

    assert check_long_transactions.fn(waiting.door(), AT_ONCE).rows == []
    assert check_running_statements.fn(waiting.door(), AT_ONCE).rows == []
    assert check_synchronous_commits.fn(waiting.door(), AT_ONCE).facts == {"waiting": 2}


@pytest.mark.parametrize("way", ["pg_cancel_backend", "pg_terminate_backend"])
def test_it_is_true_that_what_waits_is_committed(waiting: Stage, way: str) -> None:
    warned: list[tuple[str | None, str | None]] = []
    session = pays(waiting)
    session.add_notice_handler(lambda said: warned.append((said.severity, said.sqlstate)))

    waiting.admin(f"SELECT {way}({session.info.backend_pid})")

    until(lambda: waiting.admin("SELECT 1 FROM leads WHERE status = 'paid'"), "the row is there")
    until(lambda: warned, "its client is warned")
    assert warned[0] == ("WARNING", "01000" if way == "pg_cancel_backend" else "57P01")


def test_it_is_true_that_commits_go_on_without_a_standby(waiting: Stage) -> None:
    pid = pays(waiting).info.backend_pid

    waiting.admin("ALTER SYSTEM SET synchronous_standby_names = ''")
    waiting.admin("SELECT pg_reload_conf()")

    rests = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'idle'"  # noqa: S608
    until(lambda: waiting.admin(rests), "it goes on")
    assert waiting.admin("SELECT 1 FROM leads WHERE status = 'paid'")
