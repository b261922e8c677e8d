"""No answer to any question shows a literal of anybody's statement."""

# ruff: noqa: S608 - statements with secrets in them are what is tried here

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from flows.case.bodies import finding_body
from runbooks.model import AnyCheck
from tasks.model import Threshold
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.questions import QUESTIONS, again, ask, every_question, place

CANARY = "c4nary"
# Everything that Postgres reads as a text, and every place where one may stand.
LITERALS = (
    f"'sk_live_{CANARY}'",
    f"E'sk_live_\\x41{CANARY}\\'s'",
    f"$${CANARY}'s$$",
    f"$tag${CANARY} -- '$tag$",
    f"U&'\\0041{CANARY}'",
    f"'it''s {CANARY}'",
    f"'sk_live_'\n'{CANARY}'",
)
STATEMENTS = (
    *(f"INSERT INTO keys (secret) VALUES ({literal})" for literal in LITERALS),
    *(f"SELECT count(*), pg_sleep(0.03) FROM keys WHERE secret || '' = {literal}" for literal in LITERALS),
    f"CREATE ROLE talked_about PASSWORD '{CANARY}'",
    f"ALTER ROLE talked_about PASSWORD E'{CANARY}'",
    f"DROP ROLE talked_about -- '{CANARY}'",
    f"COMMENT ON TABLE keys IS '{CANARY}'",
    f"/* {CANARY} */ SELECT count(*) FROM keys -- {CANARY}",
    f"SET incident.secret = '{CANARY}'",
    f"PREPARE p AS SELECT '{CANARY}'",
    f"EXECUTE p /* {CANARY} */",
    f"DEALLOCATE /* {CANARY} */ p",
    f"DO $$ BEGIN PERFORM '{CANARY}'; END $$",
    f"COPY (SELECT '{CANARY}') TO '/dev/null'",
    f"WITH w AS (SELECT '{CANARY}' AS s) SELECT count(*), pg_sleep(0.25) FROM keys, w WHERE secret = s",
)
EAGER = Threshold(warn=1e-9, bad=1e-8, because="Owner: this test.")


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def talkative(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Secrets in statements that were counted, that hold locks, that wait for them, that run and that idle."""
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin("CREATE EXTENSION pg_stat_statements; CREATE TABLE keys (id serial PRIMARY KEY, secret text)")
        stage.admin("GRANT ALL ON ALL TABLES IN SCHEMA public TO app, actor; GRANT ALL ON SEQUENCE keys_id_seq TO app")
        stage.admin("INSERT INTO keys (secret) SELECT repeat('x', 500) || n FROM generate_series(1, 20000) n; ANALYZE")
        with psycopg.connect(stage.url("boss").get_secret_value(), autocommit=True, prepare_threshold=None) as session:
            for statement in STATEMENTS * 6:
                session.execute(statement.encode())
        _hold(stage)
        yield stage


def _hold(stage: Stage) -> None:
    for number, literal in enumerate(LITERALS, start=1):
        touch = f"UPDATE keys SET secret = {literal} WHERE id = {number}"
        stage.begins(f"job-{number}", touch, user="boss")
        stage.queues(stage.session(f"web-{number}", "boss"), f"{touch} OR secret = {literal}")
        stage.begins(f"idle-{number}", f"SELECT {literal}", user="boss")
        stage.runs(stage.session(f"runs-{number}", "boss"), f"SELECT pg_sleep(600), {literal}")
    # Cut by the server in the middle of a literal (track_activity_query_size).
    stage.runs(stage.session("cut", "boss"), f"SELECT pg_sleep(600), {'1,' * 490} '{CANARY * 30}'")


@every_question
def test_it_shows_no_literal_of_anybodys_statement(asked: AnyCheck, talkative: Stage) -> None:
    eager = {name: EAGER for name, limit in asked.thresholds.items() if limit.bad > limit.warn}
    where = place(talkative.door(), {asked.name: eager})

    first = ask(asked, where)
    second = again(asked, where, first)

    for finding in (first, second):
        assert CANARY not in json.dumps(finding_body(finding)), finding.says


def test_it_had_something_to_hide(talkative: Stage) -> None:
    """What the test above stands on: the server shows the literals to whoever asks as we do."""
    running = talkative.admin(
        f"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{CANARY}%' AND pid <> pg_backend_pid()"
    )
    found = [ask(asked, place(talkative.door())) for asked in QUESTIONS]

    assert int(str(running[0][0])) >= 4 * len(LITERALS)
    assert sum("query" in row for finding in found for row in finding.rows) >= len(LITERALS)
