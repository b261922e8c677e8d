"""What waited for a lock is not slow: seen with our own eyes, or told by the pages that were touched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tasks.model import Earlier, Finding, Threshold, Verdict
from tasks.postgres import slow_statements, statement_looks, statement_waits
from tasks.postgres.slow_statements import check_slow_statements
from tasks.postgres.statement_waits import Waits
from tests.tasks.postgres.conftest import Stage, until

# Half of what these statements wait, and many times what they work.
LIMIT = Threshold(warn=0.1, bad=0.2, because="Owner: this test.")
WAITED_S = 0.4
CALLS = 5
UPDATE = "UPDATE leads SET status = 'called' WHERE id = 1"


@pytest.fixture(autouse=True)
def counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement matters, and only what happened while nobody looked counts, unless a test says otherwise."""
    stage.admin("CREATE EXTENSION pg_stat_statements")
    monkeypatch.setattr(slow_statements, "ENOUGH_S", 0.0)
    monkeypatch.setattr(slow_statements, "ENOUGH_SHARE", 0.0)
    monkeypatch.setattr(slow_statements, "RECENT_S", 86_400.0)
    monkeypatch.setattr(statement_waits, "SAMPLE_S", 0.0)
    monkeypatch.setattr(statement_waits, "POLL_S", 0.0)


def ask(stage: Stage, earlier: Finding | None = None) -> Finding:
    before = Earlier(at_s=0, value=0, facts=earlier.facts) if earlier else None
    return check_slow_statements.fn(stage.door(), LIMIT, before)


def queue_up(stage: Stage, statement: str, holder: str = UPDATE) -> None:
    """CALLS sessions ran `statement`, each after it had waited WAITED_S and more for the holder's lock."""
    with stage.begins("billing-worker", holder) as holding:
        for number in range(CALLS):
            stage.queues(stage.session(f"web-{number}"), statement)
        time.sleep(WAITED_S)
        holding.execute(b"COMMIT")
    for thread in stage.threads:
        thread.join()


def widen(stage: Stage) -> str:
    """A table of a thousand pages, read whole by the statement returned: a long wait could as well be work."""
    stage.admin(
        "CREATE TABLE wide WITH (autovacuum_enabled = false) AS"
        " SELECT n AS id, repeat('x', 800) AS body FROM generate_series(1, 9000) n; GRANT ALL ON wide TO app"
    )
    return "UPDATE wide SET id = id WHERE id = 1"


@pytest.mark.parametrize(
    "statement",
    [
        UPDATE,
        "SELECT status FROM leads WHERE id = 1 FOR UPDATE",
        "DELETE FROM leads WHERE id = 1",
        "INSERT INTO leads (email, status) VALUES ('lead1', 'x') ON CONFLICT (email) DO UPDATE SET status = 'x'",
    ],
)
def test_it_does_not_call_slow_what_waited_for_a_row(stage: Stage, statement: str) -> None:
    first = ask(stage)
    queue_up(stage, statement)

    found = ask(stage, first)

    assert found.verdict is Verdict.OK
    assert "Left out: 1 statement that took longer than its pages can explain, by waiting for locks (" in found.says
    # Nor is it held to be slow afterwards.
    assert found.facts["slow"] == {}
    assert ask(stage, found).verdict is Verdict.OK


def test_it_does_not_call_slow_what_waited_for_an_advisory_lock(stage: Stage) -> None:
    first = ask(stage)
    queue_up(stage, "SELECT pg_advisory_xact_lock(7)", holder="SELECT pg_advisory_xact_lock(7)")

    assert ask(stage, first).verdict is Verdict.OK


def test_it_does_not_call_slow_what_waited_for_a_whole_table(stage: Stage) -> None:
    """That wait comes before the execution, and the server does not count it."""
    stage.admin("ALTER TABLE leads OWNER TO app")
    first = ask(stage)
    queue_up(stage, "SELECT status FROM leads WHERE id = 1", holder="LOCK TABLE leads IN ACCESS EXCLUSIVE MODE")

    found = ask(stage, first)

    assert (found.verdict, found.facts["slow"]) == (Verdict.OK, {})


def test_it_still_calls_slow_what_locks_rows_and_reads_much(stage: Stage) -> None:
    """A wait is taken for work where it may have been: nobody looked."""
    statement = widen(stage)
    first = ask(stage)
    queue_up(stage, statement, holder=statement)

    assert ask(stage, first).verdict is Verdict.BAD


@contextmanager
def calls_that_wait(stage: Stage, statement: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`statement` called over and over meanwhile; each call waits for a lock as long as two looks take."""
    looks: list[float] = []
    ended = threading.Event()
    look = Waits.look

    def counting(*arguments: object) -> None:
        look(*arguments)  # type: ignore[arg-type]
        looks.append(time.monotonic())

    def call_on() -> None:
        with stage.session("billing-worker") as holding, stage.session("web") as caller:
            while not ended.is_set():
                holding.execute(f"BEGIN; {statement}".encode())
                stage.queues(caller, statement)
                seen = len(looks)
                until(lambda: len(looks) > seen + 1 or ended.is_set(), "two looks")  # noqa: B023 - called at once
                holding.execute(b"COMMIT")
                stage.threads[-1].join()

    monkeypatch.setattr(Waits, "look", counting)
    caller = threading.Thread(target=call_on)
    caller.start()
    yield
    ended.set()
    caller.join()


def test_it_takes_the_waits_it_sees_off_what_it_sees(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = widen(stage)
    first = ask(stage)
    queue_up(stage, statement, holder=statement)
    monkeypatch.setattr(statement_waits, "SAMPLE_S", 60.0)
    monkeypatch.setattr(statement_waits, "POLL_S", WAITED_S / 2)

    with calls_that_wait(stage, statement, monkeypatch):
        found = ask(stage, first)

    assert found.verdict is Verdict.OK
    assert found.facts["slow"] == {}


def test_it_counts_a_wait_from_its_beginning_once_the_statement_has_ended(stage: Stage) -> None:
    stage.session("web").execute(UPDATE.encode())
    holding = stage.begins("billing-worker", UPDATE)
    began = time.monotonic()
    stage.queues(stage.session("web"), UPDATE)
    time.sleep(WAITED_S)
    door = stage.door()
    rows = statement_looks.look(door, "public").values()
    [key] = [str(row["key"]) for row in rows if str(row["query"]).startswith("UPDATE leads")]
    waits = Waits()

    waits.look(door, [key])
    assert waits.of(key) == 0.0
    holding.execute(b"COMMIT")
    stage.threads[-1].join()
    took_s = time.monotonic() - began
    waits.look(door, [key])

    assert WAITED_S <= waits.of(key) <= took_s
    assert waits.of("another") == 0.0
