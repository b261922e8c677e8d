"""No question of any runbook harms the server it is put to: it reads, holds nobody up, and gives up in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from runbooks.catalog import Catalog
from runbooks.model import AnyCheck
from tasks.environment import Environment
from tasks.mirror.stores import Store, Table
from tasks.mirror.system import Mirror
from tasks.model import Finding, Verdict
from tasks.postgres.session import APPLICATION
from tasks.postgres.system import PostgresServer
from tests.conftest import Server
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.questions import QUESTIONS, again, ask, every_question, place, watched

HARMLESS = {("relation", "AccessShareLock")}
# Short, so that waiting for it is not long; production's is five seconds.
LIMIT_S = 2.0
# Granted or waited for. Whoever logs in holds the database itself for a moment: that is no relation.
STRONGER = """
SELECT l.mode, l.granted, l.relation::regclass::text FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE a.application_name = %s AND a.datname = current_database() AND l.locktype = 'relation'
    AND l.mode <> 'AccessShareLock'
"""


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def busy(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A database with something to see for every question: counted statements, a lock queue, dead rows, an index."""
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin(
            "CREATE EXTENSION pg_stat_statements; CREATE INDEX leads_status ON leads (status);"
            "INSERT INTO leads (email, status) SELECT 'bulk' || n, 'new' FROM generate_series(1, 20000) n;"
            "UPDATE leads SET status = 'old';"
            "CREATE TABLE mails AS SELECT n AS id, repeat('x', 800) AS body FROM generate_series(1, 11000) n;"
            "CREATE INDEX mails_id ON mails (id); GRANT SELECT ON ALL TABLES IN SCHEMA public TO actor"
        )
        for _ in range(6):
            stage.admin("SELECT count(*), pg_sleep(0.2) FROM leads WHERE status = 'lost'")
        stage.begins("billing-worker", "UPDATE leads SET status = status WHERE id = 1")
        stage.queues(stage.session("web-1"), "UPDATE leads SET status = status WHERE id = 1")
        yield stage


@pytest.fixture(scope="module")
def patient(busy: Stage) -> Environment:
    door = busy.door()
    return place(door.model_copy(update={"statement_timeout_s": LIMIT_S}))


def port(where: Environment) -> int:
    door = where.systems["postgres"]
    assert isinstance(door, PostgresServer)
    return int(door.place.port)


def answers(where: Environment, asked: AnyCheck) -> list[Finding]:
    """What it says at the first look and at the second, which may ask for more."""
    first = ask(asked, where)
    return [first, again(asked, where, first)]


@every_question
def test_it_reads_only_and_holds_nothing_but_access_share(asked: AnyCheck, patient: Environment) -> None:
    with watched(port(patient), "reader", "actor") as seen:
        answers(patient, asked)

    assert seen, "nothing was asked"
    for statement in seen:
        assert statement.locks <= HARMLESS, statement
        assert statement.read_only, statement
        assert all(limit != "0" for limit in statement.limits), statement


def test_it_would_see_a_stronger_lock(busy: Stage) -> None:
    """What the test above stands on."""
    door = busy.door(acts="boss")
    with watched(int(door.place.port), "reader", "boss") as seen:
        door.rows_as_actor("LOCK TABLE public.leads IN SHARE UPDATE EXCLUSIVE MODE")
        door.act("UPDATE public.leads SET status = status WHERE id = 2")

    locked, changed = (one for one in seen if "leads" in one.statement)
    assert ("relation", "ShareUpdateExclusiveLock") in locked.locks
    assert (changed.read_only, locked.read_only) == (False, True)


def test_it_is_seen_by_others_to_hold_nothing_stronger(busy: Stage, patient: Environment) -> None:
    ended, stronger = threading.Event(), []

    def onlook() -> int:
        done = 0
        with psycopg.connect(busy.admin_url, autocommit=True) as session:
            while not ended.is_set():
                stronger.extend(session.execute(STRONGER, [APPLICATION]).fetchall())
                done += 1
        return done

    with ThreadPoolExecutor(len(QUESTIONS) + 1) as pool:
        onlooker = pool.submit(onlook)
        list(pool.map(lambda asked: answers(patient, asked), QUESTIONS))
        ended.set()
        looks = onlooker.result()

    assert stronger == []
    assert looks > 10


def all_at_once(where: Environment) -> dict[str, Finding]:
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        found = pool.map(lambda asked: ask(asked, where), QUESTIONS)
        return {asked.name: finding for asked, finding in zip(QUESTIONS, found, strict=True)}


def test_it_gives_up_in_time_when_a_table_is_locked_and_says_so(busy: Stage, patient: Environment) -> None:
    usual = all_at_once(patient)
    with busy.begins("migration", "LOCK TABLE mails IN ACCESS EXCLUSIVE MODE", user="boss") as migration:
        began = time.monotonic()
        found = all_at_once(patient)
        took_s = time.monotonic() - began
        assert migration.execute("SELECT count(*) FROM mails").fetchone() == (11000,)

    assert took_s < min(asked.limit.total_seconds() for asked in QUESTIONS)
    # A wait that has grown longer meanwhile is another verdict, and no blindness.
    unknown = {name: finding for name, finding in found.items() if finding.verdict is Verdict.UNKNOWN}
    blinded = {name: finding for name, finding in unknown.items() if usual[name].verdict is not Verdict.UNKNOWN}
    assert [(name, finding.says) for name, finding in blinded.items() if "locked" not in finding.says] == []
    assert [(name, finding.says) for name, finding in blinded.items() if not finding.remedy] == []
    # Whoever does not ask about that table sees what is wrong.
    assert "holds a row of leads" in found["check_blocked_sessions"].says


def test_it_compares_two_stores_and_holds_nothing_but_access_share(postgres18: Server) -> None:
    """The questions that ask two servers at once, through a door of their own."""
    comparing = [one for entry in Catalog.load() for one in entry.runbook.checks if Mirror in one.systems.values()]
    with staged(postgres18) as left, staged(postgres18) as right:
        for store in (left, right):
            store.admin("GRANT SELECT ON leads TO reader")
        right.admin("UPDATE leads SET status = 'drifted' WHERE id = 3; DELETE FROM leads WHERE id = 4")
        mirror = Mirror(
            left=Store(name="left", url=left.url("reader")),
            right=Store(name="right", url=right.url("reader")),
            tables=(Table(name="leads", key=("id",)),),
        )
        where = place(left.door(), mirror=mirror)
        with watched(port(where), "reader") as seen:
            found = [answers(where, asked) for asked in comparing]

    assert all(finding.verdict is not Verdict.UNKNOWN for findings in found for finding in findings)
    assert seen
    for statement in seen:
        assert statement.locks <= HARMLESS, statement
        assert statement.read_only, statement
        assert all(limit != "0" for limit in statement.limits), statement
