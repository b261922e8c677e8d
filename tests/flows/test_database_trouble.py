"""database/blocked-sessions on the lab while the lab's database fails, or changes, under it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments.cluster import SUPERUSER
from deployments.lab import Lab
from deployments.lab.service import POSTGRES
from flows.case.question import Answer, Question
from runbooks.database import blocked_sessions
from tasks.postgres.locks.actions import TerminateBlockingSessions
from tasks.postgres.system import PostgresServer
from tests.deployments.processes import wait_until
from tests.flows.room import Room, Script, furnish, said

pytestmark = pytest.mark.strict("The stack anew for each moment at which a database may go; a drill covers its going.")

STEP = "step/end-the-session-that-holds-others-up"
BLOCK = "SELECT FROM leads WHERE id = (SELECT min(id) FROM leads) FOR UPDATE"


class Site:
    """The lab, and sessions that get into each other's way in it."""

    def __init__(self, lab: Lab, room: Room, sessions: ExitStack) -> None:
        self.lab, self.room, self.sessions = lab, room, sessions

    def live(self, *replies: Callable[[Question], Answer | None]) -> Script:
        return self.room.live(*replies, slug="database/blocked-sessions", environment="lab")

    def session(self) -> psycopg.Connection[Any]:
        session = psycopg.connect(self.lab.url("app"))
        self.sessions.callback(session.close)
        return session

    def admin(self, statement: str, *arguments: object) -> Any:
        with psycopg.connect(self.lab.url(SUPERUSER), autocommit=True) as session:
            return session.execute(statement.encode(), arguments).fetchone()

    def block(self, waiters: int = 1) -> tuple[int, list[int]]:
        """One session holds a row, the others wait for it and keep it as soon as they have it; their pids."""
        holder = self.session()
        holder.execute(BLOCK)
        waiting = [self.session() for _ in range(waiters)]
        for n, waiter in enumerate(waiting, 1):
            threading.Thread(target=_wait, args=(waiter,), daemon=True).start()
            wait_until(partial(self._queue_is, n), "it waits")
        wait_until(lambda: self.queued(longer_than_s=3.5) == waiters, "they have waited long enough to be noticed")
        return holder.info.backend_pid, [waiter.info.backend_pid for waiter in waiting]

    def _queue_is(self, length: int) -> bool:
        return self.queued() == length

    def queued(self, longer_than_s: float = 0) -> int:
        row = self.admin(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'app' "
            "AND now() - query_start > make_interval(secs => %s)",
            longer_than_s,
        )
        return int(row[0])

    def waited_s(self) -> float:
        """How long the longest has waited for the session that is at the head just now."""
        row = self.admin("SELECT coalesce(max(extract(epoch FROM now() - waitstart)), 0) FROM pg_locks")
        return float(row[0]) if self.queued() == 1 else 0.0

    def end(self, pid: int) -> None:
        self.admin("SELECT pg_terminate_backend(%s, 5000)", pid)

    def stop(self) -> None:
        self.lab.supervisor.stop(POSTGRES)

    def start(self) -> None:
        if POSTGRES in self.lab.supervisor.pids():
            return
        self.lab.supervisor.start(POSTGRES)
        alive = self.lab.supervisor.watch(POSTGRES)
        log = self.lab.home.lab.log(POSTGRES)
        self.lab.cluster.wait_ready(self.lab.passwords[SUPERUSER], log=log, alive=alive)

    def restart_soon(self) -> None:
        """Stop it now; it is back some seconds after that."""
        self.stop()
        back = threading.Timer(4, self.start)
        self.sessions.callback(back.join)
        back.start()


def _wait(session: psycopg.Connection[Any]) -> None:
    try:
        session.execute(BLOCK)
    except psycopg.OperationalError:
        session.close()


@pytest.fixture
def site(
    lab: Lab, tmp_path: Path, journal_url: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    room = furnish(tmp_path, journal_url, monkeypatch)
    monkeypatch.setenv("INCIDENT_LAB_ENVIRONMENT", str(lab.home.lab_environment))
    with ExitStack() as sessions:
        site = Site(lab, room, sessions)
        yield site
        site.start()


def approved(question: Question) -> Answer:
    return said(question, name="you")


def pids(question: Question) -> list[object]:
    return [command.target["pid"] for command in question.plan.commands]


def test_it_says_what_to_do_when_the_database_is_down_from_the_start(site: Site) -> None:
    site.stop()
    site.live()
    assert site.room.verdict == "cannot tell"
    findings = [entry.body for entry in site.room.entries if entry.kind == "finding"]
    assert {finding["verdict"] for finding in findings} == {"UNKNOWN"}
    assert all("refuses connections: nothing listens there." in str(finding["says"]) for finding in findings)
    assert all(str(finding["remedy"]).startswith("Start the server") for finding in findings)


def test_it_tells_what_it_could_see_when_the_database_goes_down_while_it_looks(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.block()
    rows, asked = PostgresServer.rows, threading.Semaphore(1)

    def gone_after_the_first(door: PostgresServer, query: str, **named: Any) -> Any:
        if not asked.acquire(blocking=False):
            wait_until(lambda: POSTGRES not in site.lab.supervisor.pids(), "it is down")
            return rows(door, query, **named)
        answer = rows(door, query, **named)
        site.stop()
        return answer

    monkeypatch.setattr(PostgresServer, "rows", gone_after_the_first)
    script = site.live()
    verdicts = [entry.body["verdict"] for entry in site.room.entries if entry.kind == "finding"]
    assert "UNKNOWN" in verdicts
    assert len(verdicts) == len(blocked_sessions.runbook.diagnosis)
    assert (script.asked, site.room.verdict) == ([], "cannot tell")


def test_it_voids_the_approval_when_the_database_goes_down_before_the_step(site: Site) -> None:
    site.block()

    def approved_and_gone(question: Question) -> Answer:
        site.restart_soon()
        return approved(question)

    script = site.live(approved_and_gone)
    assert len(script.asked) == 1
    assert "void" in site.room.kinds()
    assert site.room.entry(f"{STEP}/closed")["fate"] == "moot"
    assert site.room.verdict == "recovered by itself"


def test_it_looks_what_happened_when_the_database_goes_down_in_the_act(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.block()
    apply = TerminateBlockingSessions.apply

    def gone_in_the_act(*given: Any, **named: Any) -> Any:
        site.restart_soon()
        return apply(*given, **named)

    monkeypatch.setattr(TerminateBlockingSessions, "apply", gone_in_the_act)
    site.live(approved)
    assert "broken off" in site.room.kinds()
    assert site.room.kinds().count("intent") == 1
    assert site.room.entry(f"{STEP}/closed")["fate"] == "applied"
    assert site.room.verdict == "fixed"


def test_it_ends_nobody_else_when_the_session_left_at_the_last_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, waiting = site.block()
    apply = TerminateBlockingSessions.apply

    def left_just_now(*given: Any, **named: Any) -> Any:
        site.end(holder)
        return apply(*given, **named)

    monkeypatch.setattr(TerminateBlockingSessions, "apply", left_just_now)
    site.live(approved)
    assert site.admin("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", waiting[0]) == (1,)
    assert [row["pid"] for row in site.room.entry(f"{STEP}/outcome")["rows"]] == [holder]
    assert site.room.verdict == "fixed"


def test_it_asks_again_when_another_session_is_at_the_head_now(site: Site) -> None:
    holder, (second, third) = site.block(waiters=2)

    def approved_too_late(question: Question) -> Answer:
        assert pids(question) == [holder]
        site.end(holder)
        wait_until(lambda: site.waited_s() > 1.2, "the third waits for the second now")
        return approved(question)

    script = site.live(approved_too_late, approved)
    assert script.asked[1].refused.startswith("The approval is void, because more or other things would be done now")
    assert pids(script.asked[1]) == [second]
    assert site.admin("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [second, third]) == (1,)
    assert site.room.verdict == "fixed"


def test_it_does_nothing_when_the_session_left_before_the_approval(site: Site) -> None:
    holder, _ = site.block()

    def approved_for_nothing(question: Question) -> Answer:
        site.end(holder)
        wait_until(lambda: site.queued() == 0, "the queue is gone")
        return approved(question)

    site.live(approved_for_nothing)
    assert "intent" not in site.room.kinds()
    assert site.room.entry(f"{STEP}/closed")["fate"] == "moot"
    assert site.room.verdict == "recovered by itself"
