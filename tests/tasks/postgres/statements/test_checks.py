"""Slow statements: how it is now, not how it once was; blind is not healthy."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tasks.model import Earlier, Finding, Json, Threshold, Verdict
from tasks.postgres.statements import checks
from tasks.postgres.statements import looks as statement_looks
from tasks.postgres.statements import waits as statement_waits
from tasks.postgres.statements.checks import STATEMENT_TIME, check_slow_statements
from tasks.postgres.statements.looks import in_schema
from tasks.postgres.statements.queries import STATEMENTS
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged

# Milliseconds instead of tenths of a second, so that a test need not wait.
QUICK = Threshold(warn=0.005, bad=0.02, because="Owner: this test.")
SLOW = "SELECT email FROM leads, pg_sleep({}) WHERE id = 1 AND email <> 'hunter2'"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ENOUGH_S", 0.0)
    monkeypatch.setattr(checks, "ENOUGH_SHARE", 0.0)
    monkeypatch.setattr(statement_waits, "SAMPLE_S", 0.0)
    monkeypatch.setattr(statement_waits, "POLL_S", 0.0)
    # Before 17 the server counts since its start, and the tests' server may have been up for long.
    monkeypatch.setattr(checks, "RECENT_S", 86_400.0)


def counted(stage: Stage, extra: str = "") -> Stage:
    stage.admin(f"CREATE EXTENSION pg_stat_statements {extra}")
    return stage


def calls(stage: Stage, seconds: float, times: int) -> None:
    session = stage.session("web")
    for _ in range(times):
        session.execute(SLOW.format(seconds).encode())


def ask(stage: Stage, earlier: Finding | None = None, limit: Threshold = QUICK) -> Finding:
    before = Earlier(at_s=0, value=0, facts=earlier.facts) if earlier else None
    return check_slow_statements.fn(stage.door(), limit, before)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.099, Verdict.OK), (0.1, Verdict.WARN), (0.499, Verdict.WARN), (0.5, Verdict.BAD)],
)
def test_it_knows_both_sides_of_the_limit(value: float, verdict: Verdict) -> None:
    assert STATEMENT_TIME.judge(value) is verdict
    assert "Owner:" in STATEMENT_TIME.because


def test_it_names_the_slow_statement_without_its_literals(stage: Stage) -> None:
    counted(stage)
    first = ask(stage)
    calls(stage, 0.03, 5)

    found = ask(stage, first)

    assert first.verdict is Verdict.OK
    assert found.verdict is Verdict.BAD
    said = re.sub(r"mean of \d\.\d\d s|last \d+ s", "N", found.says)
    assert said == (
        "1 statement is slow, the worst with a N (bad from 0.02 s), 5 calls in the N: "
        "SELECT email FROM leads, pg_sleep($1) WHERE id = $2 AND email <> $3"
    )
    assert 0.03 <= float(str(found.rows[0]["mean_s"])) < 0.1
    assert "hunter2" not in str(found)


def test_it_counts_a_statement_that_is_new_from_the_last_look_on(stage: Stage) -> None:
    counted(stage)
    first = ask(stage)
    time.sleep(1.1)  # As long as the server's own count began earlier than that look, where it tells only that.
    looked = ask(stage, first)
    calls(stage, 0.03, 5)

    now = statement_looks.look(stage.door(), "public")
    counters = looked.facts["counters"]
    assert isinstance(counters, dict)
    slow = next(row for row in now.values() if "pg_sleep" in str(row["query"]))
    span = statement_looks.new_since(slow, counters)

    assert span is not None
    assert (span.calls, 0.15 <= span.over_s < 1.1) == (5, True)
    assert statement_looks.new_since(slow, {}) is None
    full: dict[str, Json] = {str(key): [1, 1.0, 1.0, 1, 0] for key in range(statement_looks.REMEMBERED)}
    assert statement_looks.new_since(slow, full) is None


def test_it_does_not_judge_a_handful_of_calls(stage: Stage) -> None:
    counted(stage)
    calls(stage, 0.03, 4)

    assert ask(stage).verdict is Verdict.OK


def test_it_is_ok_when_the_database_is_busy_and_quick(stage: Stage) -> None:
    counted(stage)
    session = stage.session("web")
    for n in range(200):
        session.execute(b"SELECT email FROM leads WHERE id = %s", [n % 9])

    assert ask(stage, limit=STATEMENT_TIME).verdict is Verdict.OK


def test_it_leaves_out_maintenance_and_questions_about_the_server(stage: Stage) -> None:
    counted(stage)
    session = stage.session("monitor", "boss")
    for _ in range(5):
        session.execute(b"ANALYZE leads")
        session.execute(b"SELECT count(*), pg_sleep(0.03) FROM pg_stat_activity")

    found = ask(stage)
    assert (found.verdict, found.value) == (Verdict.OK, 0.0)
    assert "pg_stat_activity" not in str(stage.door().rows(in_schema(STATEMENTS, "public"), keys=[], most=99))


def test_it_is_ok_again_when_the_calls_since_the_last_look_were_quick(stage: Stage) -> None:
    counted(stage)
    calls(stage, 0.03, 20)
    slow = ask(stage, ask(stage))
    calls(stage, 0.0001, 5)

    found = ask(stage, slow)

    assert found.verdict is Verdict.OK
    assert found.facts["slow"] == {}


def test_it_does_not_take_silence_for_recovery(stage: Stage) -> None:
    counted(stage)
    first = ask(stage)
    calls(stage, 0.03, 5)
    slow = ask(stage, first)
    calls(stage, 0.0001, 4)

    found = ask(stage, slow)

    assert found.verdict is Verdict.BAD
    assert "ago, and hardly called since: SELECT email" in found.says
    # The moment it was seen to be slow stays: it is not held for ever.
    assert found.facts["slow"] == slow.facts["slow"]


def test_it_holds_a_silent_statement_slow_for_an_hour_only(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(stage18)
    first = ask(stage18)
    calls(stage18, 0.03, 5)
    slow = ask(stage18, first)
    monkeypatch.setattr(checks, "HELD_SLOW_S", 0.0)

    assert ask(stage18, slow).verdict is Verdict.OK


def test_it_believes_its_own_eyes_over_the_time_since_the_last_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step worked, and the window still holds the slow calls from before it."""
    counted(stage)
    first = ask(stage)
    calls(stage, 0.05, 8)
    looked = statement_looks.look
    looks: list[int] = []

    def look_while_it_is_called(*args: object) -> dict[str, object]:
        if looks:
            calls(stage, 0.0001, 5)
        looks.append(1)
        return looked(*args)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(statement_looks, "look", look_while_it_is_called)

    assert ask(stage, first).verdict is Verdict.OK
    assert len(looks) == 2


def test_it_is_never_sure_of_an_old_mean(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(stage)
    calls(stage, 0.03, 5)
    monkeypatch.setattr(checks, "RECENT_S", 0.0)

    first = ask(stage)

    assert first.verdict is Verdict.WARN
    # Nor is it held to be slow: nobody knows that it was slow of late.
    assert ask(stage, first).verdict is Verdict.OK


def test_it_starts_anew_after_a_reset(stage: Stage) -> None:
    counted(stage)
    first = ask(stage)
    calls(stage, 0.03, 20)
    slow = ask(stage, first)
    stage.admin("SELECT pg_stat_statements_reset()")

    assert ask(stage, slow).verdict is Verdict.OK


def test_it_leaves_out_what_costs_nothing_in_all(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(stage18)
    calls(stage18, 0.03, 5)
    monkeypatch.setattr(checks, "ENOUGH_S", 10.0)

    assert ask(stage18).verdict is Verdict.OK


def test_it_looks_into_another_schema(stage: Stage) -> None:
    stage.admin('CREATE SCHEMA "we %ird"; GRANT USAGE ON SCHEMA "we %ird" TO reader')
    counted(stage, 'SCHEMA "we %ird"')
    calls(stage, 0.03, 5)

    assert ask(stage).verdict is Verdict.BAD


def test_it_says_what_to_do_when_the_extension_is_missing(stage: Stage) -> None:
    found = ask(stage)

    assert found.verdict is Verdict.UNKNOWN
    assert found.says.endswith("has no view of them.")
    assert "CREATE EXTENSION pg_stat_statements;" in found.remedy


def test_it_says_what_to_do_when_the_library_is_not_preloaded(preparing: Stage) -> None:
    counted(preparing)

    found = ask(preparing)

    assert found.verdict is Verdict.UNKNOWN
    assert found.says.endswith("does not count statements: pg_stat_statements is not preloaded.")
    assert "shared_preload_libraries" in found.remedy


def test_it_says_what_to_do_when_its_schema_is_closed(stage: Stage) -> None:
    stage.admin("CREATE SCHEMA closed")
    counted(stage, "SCHEMA closed")

    found = ask(stage)

    assert (found.verdict, found.remedy) == (Verdict.UNKNOWN, "GRANT USAGE ON SCHEMA closed TO reader;")


def test_it_does_not_call_blindness_health(stage: Stage) -> None:
    counted(stage)

    found = check_slow_statements.fn(stage.door(reads="nobody_special"))

    assert (found.verdict, found.remedy) == (Verdict.UNKNOWN, "GRANT pg_monitor TO nobody_special;")


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def forgetful(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that has room for the counters of a hundred statements, which is the least."""
    shared: Server = request.getfixturevalue(request.param)
    few = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "100"}
    with own_server(shared.cluster.bin, few) as server:
        yield server


def test_it_says_when_statements_are_forgotten(forgetful: Server) -> None:
    if forgetful.version < 140000:
        pytest.skip("Postgres 13 does not count what pg_stat_statements forgets")
    with staged(forgetful) as stage:
        counted(stage)
        first = ask(stage)
        quiet = ask(stage, first)
        session = stage.session("web")
        for n in range(1, 150):
            session.execute(f"SELECT {', '.join(['1'] * n)}".encode())

        found = ask(stage, quiet)

        assert "forgotten" not in quiet.says
        said = re.sub(r"forgotten \d+ time", "forgotten N time", found.says)
        assert " Counters are kept of 100 statements; more are called, and since the last look those called " in said
        assert "least were forgotten N times. Raise pg_stat_statements.max, or send" in said
        # Blind in part is not sick: what is known is judged as ever.
        assert found.verdict is Verdict.OK
