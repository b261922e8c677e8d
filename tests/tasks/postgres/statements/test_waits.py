"""What waited for a lock is not slow: seen with our own eyes, or told by the pages that were touched."""

from __future__ import annotations

import time

import pytest

from tasks.model import Earlier, Finding, Threshold, Verdict
from tasks.postgres.statements import checks
from tasks.postgres.statements import looks as statement_looks
from tasks.postgres.statements import waits as statement_waits
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.statements.waits import Waits
from tests.tasks.postgres.conftest import Stage

# Half of what these statements wait, and many times what they work.
LIMIT = Threshold(warn=0.1, bad=0.2, because="Owner: this test.")
WAITED_S = 0.4
CALLS = 5
# As it is in the statistics.
NORMAL = "UPDATE wide SET id = id WHERE id = $1"
HOLD = "SELECT id FROM wide WHERE id = 1 FOR UPDATE"
UPDATE = "UPDATE leads SET status = 'called' WHERE id = 1"


@pytest.fixture(autouse=True)
def counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement matters, and only what happened while nobody looked counts, unless a test says otherwise."""
    stage.admin("CREATE EXTENSION pg_stat_statements")
    monkeypatch.setattr(checks, "ENOUGH_S", 0.0)
    monkeypatch.setattr(checks, "ENOUGH_SHARE", 0.0)
    monkeypatch.setattr(checks, "RECENT_S", 86_400.0)
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


def needs_numbered_sessions(stage: Stage) -> None:
    if not stage.admin("SELECT 1 FROM pg_settings WHERE name = 'compute_query_id'"):
        pytest.skip("Postgres 13 does not show which statement a session executes")


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


class Caller:
    """Calls `statement` over and over; each call waits for a lock as long as two looks take."""

    def __init__(self, stage: Stage, statement: str) -> None:
        self.stage, self.statement = stage, statement
        self.holding, self.session = stage.session("billing-worker"), stage.session("web")
        self.wait()

    def wait(self) -> None:
        self.holding.execute(f"BEGIN; {HOLD}".encode())
        self.stage.queues(self.session, self.statement)
        self.looks = 0

    def go(self) -> None:
        self.holding.execute(b"COMMIT")
        self.stage.threads[-1].join()


def test_it_takes_the_waits_it_sees_off_what_it_sees(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown as a share of the whole, because a busy machine makes each look, and so each wait, longer."""
    needs_numbered_sessions(stage)
    statement = widen(stage)
    first = ask(stage)
    queue_up(stage, statement, holder=HOLD)
    monkeypatch.setattr(statement_waits, "SAMPLE_S", 60.0)
    monkeypatch.setattr(statement_waits, "POLL_S", WAITED_S / 2)
    caller = Caller(stage, statement)
    look = Waits.look

    def counted_look(*arguments: object) -> None:
        look(*arguments)  # type: ignore[arg-type]
        caller.looks += 1
        if caller.looks == 2:
            caller.go()
            # Or the one that has just ended would be taken for one that waits still.
            look(*arguments)  # type: ignore[arg-type]
            caller.wait()

    monkeypatch.setattr(Waits, "look", counted_look)
    tiny = Threshold(warn=1e-9, bad=2e-9, because="Owner: this test, which wants to see the mean.")
    found = check_slow_statements.fn(stage.door(), tiny, Earlier(at_s=0, value=0, facts=first.facts))
    caller.go()

    [now] = [row for row in statement_looks.look(stage.door(), "public").values() if row["query"] == NORMAL]
    worked = [float(str(row["mean_s"])) for row in found.rows if row["query"] == NORMAL]
    # Where the looks cover a little more than the waits, nothing is left of the time, and it is not among the rows.
    assert max(worked, default=0.0) < WAITED_S / 2 < float(str(now["total_s"])) / float(str(now["calls"]))


def test_it_counts_a_wait_from_its_beginning_once_the_statement_has_ended(stage: Stage) -> None:
    needs_numbered_sessions(stage)
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
