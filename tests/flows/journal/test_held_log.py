from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from flows.journal import (
    AlreadyRecorded,
    Entry,
    HeldElsewhere,
    Journal,
    JournalBroken,
    JournalUnavailable,
    NoSuchIncident,
    NotRecordable,
    broken,
)
from flows.journal.body import Told
from flows.journal.chain import GENESIS
from flows.journal.entry import EXACT
from tasks.model import Row
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw
from tests.left_out import examples


def until(true: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)


def end_sessions(roles: Roles, application: str = "incident-journal") -> None:
    with psycopg.connect(roles.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [application],
        )


def test_it_chains_what_happened(journal: Journal) -> None:
    with journal.hold("inc-1") as log:
        first = log.append("anna", "opened", Raw("opened", {"runbook": "database/blocked-sessions"}))
        second = log.append("engine", "diagnosis/check_a", Raw("finding", {"value": 1.5}))
        assert log.entries == (first, second)
    assert journal.read("inc-1") == (first, second)
    assert (first.seq, first.prev) == (1, GENESIS)
    assert (second.seq, second.prev) == (2, first.hash)
    assert first.at <= second.at
    assert broken(journal.read("inc-1")) is None


def test_it_answers_what_has_happened(journal: Journal) -> None:
    with journal.hold("inc-1") as log:
        assert log.get("step/end/intent") is None
        intent = log.append("engine", "step/end/intent", Raw("intent", {}))
        assert log.get("step/end/intent") == intent


def test_it_refuses_to_record_a_thing_twice(journal: Journal) -> None:
    with journal.hold("inc-1") as log:
        first = log.append("engine", "step/end/intent", Raw("intent", {"n": 1}))
        with pytest.raises(AlreadyRecorded, match="already has 'step/end/intent': entry 1") as refused:
            log.append("engine", "step/end/intent", Raw("intent", {"n": 2}))
        assert refused.value.entry == first
        assert log.entries == (first,)


def test_it_makes_only_what_is_not_recorded(journal: Journal) -> None:
    def unexpected() -> Raw:
        raise AssertionError("asked again")

    with journal.hold("inc-1") as log:
        made = log.once("asked", "engine", lambda: Raw("asked", {"n": 1}))
        assert log.once("asked", "engine", unexpected) == made
    with journal.hold("inc-1") as resumed:
        assert resumed.once("asked", "engine", unexpected) == made


def test_it_lets_one_executor_in(journal: Journal) -> None:
    with journal.hold("inc-1"):
        with pytest.raises(HeldElsewhere, match=r"inc-1 is being executed by another process \(database session \d+"):
            journal.hold("inc-1").__enter__()
        with journal.hold("inc-2"):
            assert journal.is_held("inc-2")
        assert journal.is_held("inc-1")
        assert not journal.is_held("inc-2")
    assert not journal.is_held("inc-1")
    with journal.hold("inc-1"):
        pass


HOLDER = """
import sys
from flows.journal import Journal, Redactor, kinds
from pydantic import SecretStr
with Journal(SecretStr(sys.argv[1]), Redactor([])).hold("inc-1") as log:
    log.append("other", "opened", kinds.Note(says="", login=""))
    print("held", flush=True)
    sys.stdin.read()
"""


def test_it_frees_the_incident_of_a_killed_process(roles: Roles) -> None:
    journal = roles.journal()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, roles.runner_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == "held\n"
            with pytest.raises(HeldElsewhere):
                journal.hold("inc-1").__enter__()
        finally:
            other.kill()
    until(lambda: not journal.is_held("inc-1"))
    with journal.hold("inc-1") as log:
        assert [entry.actor for entry in log.entries] == ["other"]


def test_it_takes_entries_from_many_threads(journal: Journal) -> None:
    with journal.hold("inc-1") as log, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: log.append(f"thread {n % 8}", f"check/{n}", Raw("finding", {"n": n})), range(80)))
        assert {entry.key for entry in log.entries} == {f"check/{n}" for n in range(80)}
        assert [entry.seq for entry in log.entries] == list(range(1, 81))
        assert broken(log.entries) is None


def test_it_takes_notes_while_the_executor_writes(journal: Journal) -> None:
    with journal.hold("inc-1") as log, ThreadPoolExecutor(5) as threads:
        log.append("engine", "opened", Raw("opened", {}))
        notes = [threads.submit(journal.note, "inc-1", "anna", f"note/{n}", Raw("note", {})) for n in range(20)]
        for n in range(40):
            log.append("engine", f"check/{n}", Raw("finding", {}))
        for note in notes:
            note.result()
        assert len(log.entries) == 61
        assert log.get("note/19")
        assert broken(log.entries) is None


def test_it_keeps_one_of_two_writers_with_the_same_key(journal: Journal) -> None:
    together = threading.Barrier(2)

    def attempt(write: Callable[[str, str, Told], Entry], key: str) -> bool:
        together.wait(60)
        try:
            write("engine", key, Raw("closed", {}))
        except AlreadyRecorded:
            return False
        return True

    with journal.hold("inc-1") as log, ThreadPoolExecutor(2) as threads:
        log.append("engine", "opened", Raw("opened", {}))
        for n in range(20):
            held = threads.submit(attempt, log.append, f"step/{n}")
            noted = threads.submit(attempt, partial(journal.note, "inc-1"), f"step/{n}")
            assert sorted([held.result(), noted.result()]) == [False, True]
        assert len(log.entries) == 21


def test_it_writes_nothing_more_once_its_session_is_lost(roles: Roles) -> None:
    journal = roles.journal()
    with journal.hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
        end_sessions(roles)
        with journal.hold("inc-1") as successor:
            with pytest.raises(JournalUnavailable, match="the database session that held its lock is gone"):
                log.append("engine", "step/end/outcome", Raw("outcome", {}))
            with pytest.raises(JournalUnavailable, match="must stop"):
                log.append("engine", "step/end/outcome", Raw("outcome", {}))
            with pytest.raises(JournalUnavailable):
                _ = log.entries
            successor.append("engine", "recovered", Raw("recovered", {}))
    assert [entry.kind for entry in journal.read("inc-1")] == ["opened", "recovered"]


def test_it_loses_no_lock_to_the_executor_that_lost_its_own(roles: Roles) -> None:
    """Leaving the first block must not let go of what the second one took."""
    journal = roles.journal()
    first = journal.hold("inc-1")
    first.__enter__()
    end_sessions(roles)
    with journal.hold("inc-1"):
        first.__exit__(None, None, None)
        assert journal.is_held("inc-1")


def test_it_does_not_execute_an_incident_that_was_tampered_with(roles: Roles) -> None:
    journal = roles.journal()
    with journal.hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {"environment": "lab"}))
    with psycopg.connect(roles.admin_url) as admin:
        admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER ALL")
        admin.execute("""UPDATE incident.entries SET body = '{"environment":"production"}'""")
    with pytest.raises(JournalBroken, match=r"its journal was tampered with. Entry 1 \(opened, .*altered"):
        journal.hold("inc-1").__enter__()
    assert not journal.is_held("inc-1")


def test_it_never_lets_time_run_backwards(roles: Roles) -> None:
    """An entry from a server whose clock was ahead is followed by the same moment, not by an earlier one."""
    journal = roles.journal()
    with journal.hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
        with psycopg.connect(roles.admin_url) as admin:
            admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER ALL")
            admin.execute("UPDATE incident.entries SET at = '2999-01-01T00:00:00.000000Z'")
            admin.execute("ALTER TABLE incident.entries ENABLE ALWAYS TRIGGER entry_follows")
        assert log.append("engine", "later", Raw("note", {})).at == "2999-01-01T00:00:00.000000Z"


def test_it_gives_up_on_a_writer_that_does_not_let_go(roles: Roles) -> None:
    from flows.journal.locks import write_key

    journal = roles.journal()
    with journal.hold("inc-1") as log, psycopg.connect(roles.admin_url) as stuck:
        log._session.execute("SET lock_timeout = '50ms'")
        stuck.execute("SELECT pg_advisory_xact_lock(%s)", [write_key("inc-1")])
        with pytest.raises(JournalUnavailable, match="did not answer in time: another writer is in the way"):
            log.append("engine", "opened", Raw("opened", {}))
        stuck.rollback()
        assert log.append("engine", "opened", Raw("opened", {})).seq == 1


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\0b", "a\ud800", "line\nbreak", "tail ", "x" * 201, "a\u2028b", "\x1b[31m"],
)
def test_it_refuses_names_nobody_can_tell_apart(journal: Journal, name: str) -> None:
    with pytest.raises(NotRecordable):
        journal.hold(name).__enter__()
    with journal.hold("inc-1") as log:
        for actor, key in ((name, "key"), ("anna", name)):
            with pytest.raises(NotRecordable):
                log.append(actor, key, Raw("note", {}))
        assert log.entries == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"n": 2**53}, r"body.n is 9007199254740992, beyond the whole numbers JSON keeps exactly. Write it as text."),
        ({"rows": [{"x": float("nan")}]}, r"body.rows\[0\].x is nan"),
        ({"x": float("inf")}, r"body.x is inf"),
        ({"x": b"raw"}, "body.x is bytes, which JSON does not know"),
        ({1: "x"}, "body has the key 1"),
        (["x"], "A body is a table of names and values"),
    ],
)
def test_it_refuses_what_json_does_not_know(journal: Journal, body: Row, said: str) -> None:
    with journal.hold("inc-1") as log:
        with pytest.raises(NotRecordable, match=said):
            log.append("engine", "key", Raw("note", body))
        assert log.append("engine", "key", Raw("note", {})).seq == 1


def test_it_refuses_a_body_that_is_nested_without_end(journal: Journal) -> None:
    body: Row = {}
    for _ in range(5000):
        body = {"deeper": body}
    with journal.hold("inc-1") as log, pytest.raises(NotRecordable, match="nested deeper than 100 levels"):
        log.append("engine", "key", Raw("note", body))


def test_it_mends_half_an_emoji(journal: Journal) -> None:
    with journal.hold("inc-1") as log:
        assert log.append("sentry", "a", Raw("note", {"title": "cut \ud83d"})).body == {"title": "cut \ufffd"}


def test_it_redacts_before_it_hashes(roles: Roles) -> None:
    with roles.journal("correct-horse").hold("inc-1") as log:
        body: dict[str, object] = {"url": SecretStr("x"), "says": "correct-horse", "correct-horse": 1}
        entry = log.append("correct-horse", "key", Raw("note", body))  # type: ignore[arg-type]
        assert entry.body == {"url": "••••", "says": "••••", "••••": 1}
        assert entry.actor == "••••"
    assert broken(roles.journal().read("inc-1")) is None
    with psycopg.connect(roles.admin_url) as admin:
        stored = admin.execute("SELECT entries::text FROM incident.entries").fetchall()
    assert "correct-horse" not in str(stored)


def test_it_takes_notes_only_on_what_was_opened(journal: Journal) -> None:
    with pytest.raises(NoSuchIncident, match="There is no incident 'inc-9' to note 'expiry' on"):
        journal.note("inc-9", "clock", "expiry", Raw("expired", {}))
    assert journal.note("inc-9", "intake", "opened", Raw("opened", {})).seq == 1
    assert journal.note("inc-9", "clock", "expiry", Raw("expired", {})).seq == 2


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-EXACT, EXACT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.dictionaries(st.text(), json_values, max_size=5), min_size=1, max_size=5))
def test_it_reads_back_what_was_written(journal: Journal, bodies: list[Row]) -> None:
    incident = f"inc-{time.monotonic_ns()}"
    with journal.hold(incident) as log:
        appended = [log.append("hypothesis", f"n{n}", Raw("note", body)) for n, body in enumerate(bodies)]
    entries = journal.read(incident)
    assert list(entries) == appended
    assert [entry.body for entry in entries] == bodies
    assert broken(entries) is None


@pytest.mark.parametrize("number", [1e16, 1e20, 123456789012345680000.0, -0.0, 5e-324, 1.7976931348623157e308, 1e21])
def test_it_keeps_large_and_small_floats(journal: Journal, number: float) -> None:
    with journal.hold("inc-1") as log:
        log.append("engine", "n", Raw("note", {"n": number}))
    assert journal.read("inc-1")[0].body == {"n": number}
    assert broken(journal.read("inc-1")) is None


def test_it_is_fast_enough_to_be_asked_everything(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints figures; asserts none, because machines differ."""
    body: Row = json.loads('{"verdict":"OK","says":"' + "x" * 300 + '","rows":[{"pid":1,"waited_s":0.25}]}')
    with journal.hold("inc-1") as log:
        started = time.perf_counter()
        for n in range(500):
            log.append("engine", f"check/{n}", Raw("finding", body))
        appended = 500 / (time.perf_counter() - started)
    started = time.perf_counter()
    entries = journal.read("inc-1")
    assert broken(entries) is None
    verified = len(entries) / (time.perf_counter() - started)
    with capsys.disabled():
        print(f"\njournal: {appended:.0f} appends/s, {verified:.0f} entries read and verified/s")
