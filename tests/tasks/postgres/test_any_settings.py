"""Every question sees what is there, whatever the server, its database and our role are set to."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from pydantic import SecretStr

from runbooks.model import AnyCheck
from tasks.model import Finding, Refused, Verdict
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.system import PostgresServer
from tests.conftest import Server
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.questions import QUESTIONS, again, ask, every_question, place
from tests.tasks.postgres.test_captured import PREPARED

# Two worlds of settings that a role may have, as far as they do not exclude each other.
WORLDS = {
    "German": (
        "DateStyle = 'German, DMY'",
        "IntervalStyle = 'iso_8601'",
        "TimeZone = 'Asia/Kathmandu'",
        "standard_conforming_strings = off",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "client_encoding = 'LATIN1'",
        "quote_all_identifiers = on",
        "transform_null_equals = on",
        "array_nulls = off",
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
    ),
    "American": (
        "DateStyle = 'SQL, MDY'",
        "IntervalStyle = 'sql_standard'",
        "TimeZone = 'America/St_Johns'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "default_transaction_read_only = on",
        "row_security = off",
        "client_encoding = 'SQL_ASCII'",
    ),
}


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, dict[str, Finding]]]:
    """A database with something to see, and what every question says of it while nothing is set."""
    with staged(request.getfixturevalue(request.param)) as stage:
        for statement in PREPARED:
            stage.admin(statement)
        usual = {asked.name: ask(asked, place(stage.door())) for asked in QUESTIONS}
        yield stage, usual


@pytest.fixture(scope="module", params=WORLDS)
def set_so(request: pytest.FixtureRequest, world: tuple[Stage, dict[str, Finding]]) -> Iterator[None]:
    stage, _ = world
    database = stage.admin_url.rpartition("/")[2]
    roles = [f"ALTER ROLE {role} IN DATABASE {database}" for role in ("reader", "actor")]
    stage.admin("; ".join(f"{role} SET {setting}" for role in roles for setting in WORLDS[request.param]))
    yield
    stage.admin("; ".join(f"{role} RESET ALL" for role in roles))


@every_question
@pytest.mark.usefixtures("set_so")
def test_it_answers_as_ever(asked: AnyCheck, world: tuple[Stage, dict[str, Finding]]) -> None:
    stage, usual = world
    where = place(stage.door())

    first = ask(asked, where)
    second = again(asked, where, first)

    assert "SQLSTATE" not in first.says
    if usual[asked.name].verdict is not Verdict.UNKNOWN:
        assert (first.verdict, second.verdict) != (Verdict.UNKNOWN, Verdict.UNKNOWN), first.says


@pytest.mark.usefixtures("set_so")
def test_it_reads_values_as_ever(world: tuple[Stage, dict[str, Finding]]) -> None:
    rows = (
        world[0]
        .door()
        .rows(
            "SELECT timestamptz '2026-11-21 03:00:00.000001+01' AS at, interval '90 s' AS took, '\\x41'::bytea AS raw, "
            "0.1::float8 + 0.2 AS sum, 'a\\b' AS word, quote_ident('plain') AS name, '{NULL,1}'::int[] AS list"
        )
    )

    assert rows == [
        {
            "at": "2026-11-21T02:00:00.000001+00:00",
            "took": 90.0,
            "raw": "41",
            "sum": 0.1 + 0.2,
            "word": "a\\b",
            "name": "plain",
            "list": [None, 1],
        }
    ]


def test_one_value_that_cannot_be_read_blinds_no_other(stage: Stage) -> None:
    rows = stage.door().rows(
        "SELECT timestamptz 'infinity' AS never, timestamptz '0044-03-15 12:00 BC' AS once, date '20000-01-01' AS far, "
        "timestamp '-infinity' AS before, interval '300000000 days' AS long, 1 AS one"
    )

    assert rows == [
        {
            "never": "infinity",
            "once": "0044-03-15 12:00:00+00 BC",
            "far": "20000-01-01",
            "before": "-infinity",
            "long": 25920000000000.0,
            "one": 1,
        }
    ]


ENCODINGS = {"SQL_ASCII": b"\xe9", "EUC_JP": b"\x81\x20", "WIN1252": b"\x81", "LATIN1": b"\xe9"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_that_do_not_convert_are_shown_as_far_as_they_can_be(postgres18: Server, encoding: str) -> None:
    """A query of another database, in its own bytes, seen from a database of this encoding."""
    with staged(postgres18) as stage, staged(postgres18) as other:
        name = f"plain_{encoding.lower()}"
        stage.admin(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        stage.admin(f"CREATE DATABASE raw_{name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            base = stage.url("app").get_secret_value().rpartition("/")[0]
            with psycopg.connect(f"{base}/raw_{name}", autocommit=True, client_encoding="SQL_ASCII") as session:
                session.execute(b"SELECT 1 /* " + ENCODINGS[encoding] + b" */")
                door = PostgresServer(url=SecretStr(base.replace("app:", "reader:") + f"/{name}"))
                shown = "SELECT left(query, 40) AS text FROM pg_stat_activity WHERE pid = %(pid)s"
                [row] = door.rows(shown, pid=session.info.backend_pid)
                assert str(row["text"]).startswith("SELECT 1 /* ")
                assert [row["word"] for row in door.rows("SELECT %(word)s::text AS word", word="plain")] == ["plain"]
                for asked in QUESTIONS:
                    assert "SQLSTATE" not in ask(asked, place(door)).says
        finally:
            # Kept, it would be in the way of every later test that reads statements.
            other.admin("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
            other.admin(f"DROP DATABASE {name} WITH (FORCE)")
            other.admin(f"DROP DATABASE raw_{name} WITH (FORCE)")


def test_a_statement_in_bytes_of_no_encoding_is_told_with_the_line_that_helps(postgres18: Server) -> None:
    """pg_stat_statements converts every text it has before we may choose one."""
    with staged(postgres18) as stage:
        stage.admin("CREATE EXTENSION pg_stat_statements")
        stage.admin("CREATE DATABASE raw_bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            url = stage.url("app").get_secret_value().rpartition("/")[0] + "/raw_bytes"
            with psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII") as session:
                session.execute(b'SELECT 1 AS "\xe9 "')
            found = check_slow_statements.fn
            with pytest.raises(Refused) as caught:
                found(stage.door())
            stage.admin(caught.value.remedy.partition("Forget those: ")[2])
            assert found(stage.door()).verdict is not Verdict.UNKNOWN
        finally:
            stage.admin("SELECT pg_stat_statements_reset()")
            stage.admin("DROP DATABASE raw_bytes WITH (FORCE)")
