"""What somebody with the running role's password, the owner's, or the superuser's can do to the record."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from flows.journal import Entry, broken
from flows.journal.chain import chained
from tasks.model import Finding, Verdict
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw

INSERT = (
    "INSERT INTO incident.entries (incident, seq, at, actor, kind, key, body, prev, hash) "
    "VALUES (%(incident)s, %(seq)s, %(at)s, %(actor)s, %(kind)s, %(key)s, '{}', %(prev)s, %(hash)s)"
)


@pytest.fixture
def recorded(roles: Roles) -> Roles:
    journal = roles.journal()
    with journal.hold("inc-1") as log:
        for n in range(1, 6):
            log.append("engine", f"n{n}", Raw("note", {"n": n}))
    journal.measure("production", "inc-1", {"check_it": Finding(verdict=Verdict.OK, says="1", value=1.0, unit="s")})
    return roles


def forged(after: Entry, **changes: object) -> Entry:
    fields: dict[str, Any] = {
        **vars(after),
        "seq": after.seq + 1,
        "key": "forged",
        "body": {},
        "prev": after.hash,
        **changes,
    }
    fields.pop("hash")
    return chained(**fields)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident.entries SET actor = 'mallory'",
        "DELETE FROM incident.entries",
        "TRUNCATE incident.entries",
        "ALTER TABLE incident.entries ADD COLUMN x int",
        "ALTER TABLE incident.entries DISABLE TRIGGER ALL",
        "DROP TABLE incident.entries",
        "DROP TRIGGER only_grows ON incident.entries",
        "DROP SCHEMA incident CASCADE",
        "CREATE TABLE incident.mine (x int)",
        "CREATE OR REPLACE FUNCTION incident.refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        "SET session_replication_role = replica",
        "UPDATE incident.measurements SET value = 0",
        "DELETE FROM incident.measurements",
        "TRUNCATE incident.measurements",
        "DELETE FROM incident.incident_alembic_version",
        "SELECT * FROM incident.entries FOR UPDATE",
        "LOCK TABLE incident.entries IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_it_gives_the_running_role_no_right_to(recorded: Roles, statement: str) -> None:
    with psycopg.connect(recorded.runner_url) as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement)


def test_it_grants_the_running_role_nothing_but_reading_and_adding(recorded: Roles) -> None:
    with psycopg.connect(recorded.admin_url) as admin:
        granted = admin.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee IN (%s, 'PUBLIC') AND table_schema = 'incident' ORDER BY 1, 2",
            [recorded.runner],
        ).fetchall()
    tables = (
        *("alerts", "deliveries", "dispatched", "entries", "heads", "hours", "measurements", "openings"),
        *("refusals", "seals", "snoozes"),
    )
    assert granted == [(table, right) for table in tables for right in ("INSERT", "SELECT")]


@pytest.mark.parametrize("who", ["owner_url", "admin_url"])
@pytest.mark.parametrize("table", ["entries", "measurements"])
@pytest.mark.parametrize(
    ("verb", "statement"),
    [
        ("UPDATE", "UPDATE incident.{} SET incident = 'x'"),
        ("UPDATE", "UPDATE incident.{} SET incident = 'x' WHERE false"),
        ("DELETE", "DELETE FROM incident.{}"),
        ("TRUNCATE", "TRUNCATE incident.{}"),
        ("TRUNCATE", "TRUNCATE incident.{} CASCADE"),
    ],
)
def test_it_refuses_change_even_to_the_owner(recorded: Roles, who: str, table: str, verb: str, statement: str) -> None:
    said = rf"incident.{table} only grows: {verb} is refused, for everybody"
    with psycopg.connect(getattr(recorded, who)) as session:
        if who == "admin_url":
            # Ordinary triggers sleep in a session that calls itself a replica.
            session.execute("SET session_replication_role = replica")
        with pytest.raises(errors.RestrictViolation, match=said):
            session.execute(statement.format(table))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seq": 5}, "seq is 5, the next one is 6"),
        ({"seq": 7}, "seq is 7, the next one is 6"),
        ({"prev": "0" * 64}, "prev is not the hash of the last entry"),
        ({"at": "2000-01-01T00:00:00.000000Z"}, "at is earlier than the last entry's"),
        ({"incident": "inc-2"}, "seq is 6, the next one is 1"),
        ({"incident": "inc-2", "seq": 1}, "prev is not the hash of the last entry"),
    ],
)
@pytest.mark.parametrize("who", ["runner_url", "owner_url", "admin_url"])
def test_it_refuses_an_entry_that_does_not_follow(
    recorded: Roles, who: str, changes: dict[str, object], said: str
) -> None:
    entry = forged(recorded.journal().read("inc-1")[-1], **changes)
    with psycopg.connect(getattr(recorded, who)) as session, pytest.raises(errors.SerializationFailure, match=said):
        session.execute(INSERT, vars(entry))


def test_it_refuses_an_entry_with_a_wrong_hash(recorded: Roles) -> None:
    entry = replace(forged(recorded.journal().read("inc-1")[-1]), actor="mallory")
    with psycopg.connect(recorded.runner_url) as session, pytest.raises(errors.CheckViolation, match="the hash is not"):
        session.execute(INSERT, vars(entry))


def test_it_refuses_to_overwrite_on_conflict(recorded: Roles) -> None:
    entry = forged(recorded.journal().read("inc-1")[-1])
    with psycopg.connect(recorded.owner_url) as session, pytest.raises(errors.RestrictViolation):
        session.execute(INSERT + " ON CONFLICT (incident, key) DO UPDATE SET actor = 'mallory'", vars(entry))


RENUMBER = "UPDATE incident.entries SET seq = {} WHERE seq = {}"


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE incident.entries SET actor = 'mallory' WHERE seq = 3"], r"Entry 3 \(note, .*: altered\."),
        (["""UPDATE incident.entries SET body = '{"n":9}' WHERE seq = 1"""], r"Entry 1 \(note, .*: altered\."),
        (["UPDATE incident.entries SET at = '2000-01-01T00:00:00.000000Z' WHERE seq = 5"], r"Entry 5 .*: altered\."),
        (["DELETE FROM incident.entries WHERE seq = 1"], r"Entry 1 is missing before entry 2 .*: removed\."),
        (["DELETE FROM incident.entries WHERE seq IN (2, 3)"], r"Entries 2 to 3 are missing before entry 4 .*removed"),
        (["DELETE FROM incident.entries WHERE seq = 2", RENUMBER.format(2, 3)], r"Entry 2 .*: altered\."),
        ([RENUMBER.format(9, 2), RENUMBER.format(2, 3), RENUMBER.format(3, 9)], r"Entry 2 .*: altered\."),
        (
            [
                RENUMBER.format(6, 5),
                "INSERT INTO incident.entries SELECT incident, 5, at, actor, kind, 'slipped in', body, prev, hash "
                "FROM incident.entries WHERE seq = 4",
            ],
            r"Entry 5 .*: altered\.",
        ),
    ],
)
def test_it_finds_what_a_superuser_did_after_switching_the_triggers_off(
    recorded: Roles, statements: list[str], said: str
) -> None:
    with psycopg.connect(recorded.admin_url) as admin:
        admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER ALL")
        for statement in statements:
            admin.execute(statement)
    complaint = broken(recorded.journal().read("inc-1"))
    assert complaint
    assert re.match(said, complaint), complaint
