"""Somebody has the running role's password, and SQL. What can they do to the record besides adding to it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors, sql
from pydantic import SecretStr

from flows.journal import Audit, Entry, complaints
from flows.journal.chain import GENESIS, chained
from flows.journal.connection import session_of
from flows.journal.seal import Head, digest_of, sealed
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied
from tests.flows.journal.old import insert, old_incident
from tests.flows.raw import Raw

COLUMNS = ("incident", "seq", "at", "actor", "kind", "key", "body", "prev", "hash")
# What the tables are protected by, and who may do what with them, as text.
PROTECTION = """
    SELECT string_agg(pg_get_triggerdef(t.oid) || t.tgenabled::text, chr(10) ORDER BY t.oid)
           || (SELECT string_agg(pg_get_functiondef(p.oid), chr(10) ORDER BY p.oid) FROM pg_proc p
                WHERE p.pronamespace = 'incident'::regnamespace)
           || (SELECT string_agg(c.relname || c.relowner || coalesce(c.relacl::text, ''), chr(10) ORDER BY c.oid)
                 FROM pg_class c WHERE c.relnamespace = 'incident'::regnamespace)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'incident'::regnamespace
"""


Way = Callable[[psycopg.Connection[Any], list[object]], None]


@pytest.fixture(scope="module")
def house(postgres18: Server, migrated: Roles) -> Iterator[Roles]:
    """A sealed record that no test here may change."""
    with copied(postgres18, migrated) as roles:
        old_incident(roles, "inc-1")
        roles.journal().seal()
        yield roles


def state(roles: Roles) -> tuple[list[tuple[Any, ...]], object]:
    with psycopg.connect(roles.admin_url) as admin:
        rows = [
            row
            for table in ("entries", "heads", "seals")
            for row in admin.execute(f"TABLE incident.{table} ORDER BY 1, 2".encode()).fetchall()
        ]
        return rows, admin.execute(PROTECTION).fetchone()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident.heads SET seq = 1",
        "UPDATE incident.seals SET heads = 2",
        "DELETE FROM incident.heads",
        "TRUNCATE incident.seals CASCADE",
        "MERGE INTO incident.entries e USING (VALUES (1)) AS v (n) ON e.seq = v.n WHEN MATCHED THEN DELETE",
        "INSERT INTO incident.heads SELECT 2, incident, seq, hash FROM incident.heads "
        "ON CONFLICT (incident, seq) DO UPDATE SET seal = 9",
        "ALTER TABLE incident.entries DISABLE TRIGGER entry_follows",
        "ALTER TABLE incident.entries DISABLE TRIGGER USER",
        "ALTER TABLE incident.entries RENAME TO former",
        "ALTER TABLE incident.entries OWNER TO CURRENT_USER",
        "ALTER TABLE incident.entries DROP CONSTRAINT entries_pkey",
        "ALTER TABLE incident.entries ENABLE ROW LEVEL SECURITY",
        "CREATE RULE nothing AS ON INSERT TO incident.entries DO INSTEAD NOTHING",
        "CREATE TRIGGER mine BEFORE INSERT ON incident.entries FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TABLE pg_temp.more () INHERITS (incident.entries)",
        "CREATE INDEX ON incident.entries (actor)",
        "DROP TRIGGER not_in_the_future ON incident.seals",
        "DROP FUNCTION incident.refuse_removal() CASCADE",
        "ALTER FUNCTION incident.refuse_removal() SET search_path = pg_temp",
        "ALTER FUNCTION incident.refuse_removal() SECURITY DEFINER",
        "CREATE FUNCTION incident.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
        "CREATE VIEW incident.entries2 AS SELECT * FROM incident.entries",
        "CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql SECURITY DEFINER AS 'SELECT $1'",
        "ALTER SCHEMA incident RENAME TO former",
        "CREATE SCHEMA mine",
        "COPY incident.entries FROM PROGRAM 'true'",
        "COPY incident.entries TO '/tmp/entries'",
        "COPY incident.entries FROM '/etc/passwd'",
        "SET session_replication_role = replica",
        "SET SESSION AUTHORIZATION postgres",
        "SET ROLE postgres",
        "SET ROLE {owner}",
        "ALTER ROLE {runner} SUPERUSER",
        "ALTER ROLE {owner} PASSWORD 'mine'",
        "GRANT {owner} TO {runner}",
        "REASSIGN OWNED BY {owner} TO {runner}",
        "DROP OWNED BY {owner}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO {runner}",
        "ALTER ROLE {runner} SET session_replication_role = replica",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE EXTENSION dblink",
    ],
)
def test_it_refuses(house: Roles, statement: str) -> None:
    owner = str(psycopg.conninfo.conninfo_to_dict(house.owner_url)["user"])
    names = {"owner": sql.Identifier(owner), "runner": sql.Identifier(house.runner)}
    with psycopg.connect(house.runner_url) as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(sql.SQL(statement).format(**names))


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT ALL ON incident.entries TO CURRENT_USER",
        "GRANT TRIGGER ON incident.entries TO PUBLIC",
        "REVOKE ALL ON incident.entries FROM CURRENT_USER",
        "SELECT pg_catalog.set_config('session_authorization', current_user, false)",
    ],
)
def test_it_changes_nothing_for(house: Roles, statement: str) -> None:
    before = state(house)
    with psycopg.connect(house.runner_url) as session:
        session.execute(statement.encode())
    assert state(house) == before


def forged(after: Entry | None = None, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "incident": after.incident if after else "inc-9",
        "seq": after.seq + 1 if after else 1,
        "at": after.at if after else "2024-03-01T02:00:00.000001Z",
        "actor": "mallory",
        "kind": "note",
        "key": "forged",
        "body": {},
        "prev": after.hash if after else GENESIS,
        **changes,
    }
    return chained(**fields)


# Functions, types and tables of the intruder's own, in front of everybody else's.
SHADOWS = [
    "CREATE TEMP TABLE entries (LIKE incident.entries)",
    "CREATE TEMP TABLE heads (LIKE incident.heads)",
    "CREATE TEMP TABLE seals (LIKE incident.seals)",
    # What a function declares as `text` becomes nothing as soon as something is assigned to it: no complaint is left.
    "CREATE TYPE pg_temp.text AS ENUM ('nothing')",
    "CREATE FUNCTION pg_temp.nothing(pg_catalog.text) RETURNS pg_temp.text LANGUAGE sql AS 'SELECT NULL::pg_temp.text'",
    "CREATE CAST (pg_catalog.text AS pg_temp.text) WITH FUNCTION pg_temp.nothing(pg_catalog.text) AS ASSIGNMENT",
    "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT '\\x00'::bytea$$",
    "CREATE FUNCTION pg_temp.encode(bytea, pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS "
    "$$SELECT repeat('a', 64)$$",
    "CREATE FUNCTION pg_temp.same(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
    "CREATE OPERATOR pg_temp.<> (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = pg_temp.same)",
    "CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT 'infinity'::timestamptz$$",
    "SET search_path = pg_temp, public, pg_catalog",
]
WRONG: dict[str, tuple[Callable[[Entry], dict[str, Any]], type[Exception]]] = {
    "hash": (lambda last: {"hash": "a" * 64}, errors.CheckViolation),
    "seq": (lambda last: {"seq": last.seq}, errors.SerializationFailure),
    "gap": (lambda last: {"seq": last.seq + 2}, errors.SerializationFailure),
    "prev": (lambda last: {"prev": "a" * 64}, errors.SerializationFailure),
    "past": (lambda last: {"at": "2024-01-01T00:00:00.000000Z"}, errors.SerializationFailure),
    "future": (lambda last: {"at": "9999-01-01T00:00:00.000000Z"}, errors.CheckViolation),
}


def by_insert(session: psycopg.Connection[Any], values: list[object]) -> None:
    session.execute("INSERT INTO incident.entries VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)


def by_copy(session: psycopg.Connection[Any], values: list[object]) -> None:
    with session.cursor().copy("COPY incident.entries FROM STDIN") as copy:
        copy.write_row(values)


@pytest.mark.parametrize("way", [by_insert, by_copy])
@pytest.mark.parametrize("wrong", WRONG)
def test_it_refuses_a_forged_entry_whatever_stands_before_our_functions(house: Roles, wrong: str, way: Way) -> None:
    last = house.journal().read("inc-1")[-1]
    changes, error = WRONG[wrong]
    given = changes(last)
    fields = {**vars(forged(last, **{k: v for k, v in given.items() if k != "hash"})), **given, "body": "{}"}
    with psycopg.connect(house.runner_url) as session:
        for statement in SHADOWS:
            session.execute(statement.encode())
        with pytest.raises(error):
            way(session, [fields[name] for name in COLUMNS])


def test_it_refuses_a_seal_of_the_future(roles: Roles) -> None:
    """Everything else about it is right; all later seals would have its moment."""
    old_incident(roles, "inc-1")
    last = roles.journal().read("inc-1")[-1]
    heads = [Head(incident="inc-1", seq=last.seq, hash=last.hash)]
    seal = sealed(seal=1, at="9999-01-01T00:00:00.000000Z", heads=1, digest=digest_of(heads), prev=GENESIS)
    with psycopg.connect(roles.runner_url) as session:
        session.execute("INSERT INTO incident.heads VALUES (1, 'inc-1', %s, %s)", [last.seq, last.hash])
        with pytest.raises(errors.CheckViolation, match="is in the future"):
            session.execute(
                "INSERT INTO incident.seals VALUES (%(seal)s, %(at)s, %(heads)s, %(digest)s, %(prev)s, %(hash)s)",
                vars(seal),
            )


def test_it_goes_on_when_the_servers_clock_was_set_back(roles: Roles) -> None:
    """What the journal then writes has the moment of the entry before, which is in the future."""
    ahead = forged(at="9998-01-01T00:00:00.000000Z")
    with psycopg.connect(roles.admin_url) as admin:
        admin.execute("ALTER TABLE incident.entries DISABLE TRIGGER not_in_the_future")
    insert(roles.admin_url, ahead)
    with psycopg.connect(roles.admin_url) as admin:
        admin.execute("ALTER TABLE incident.entries ENABLE ALWAYS TRIGGER not_in_the_future")
    journal = roles.journal()
    assert journal.note("inc-9", "engine", "later", Raw("note", {})).at == ahead.at
    journal.seal()
    with journal.record() as record:
        assert list(complaints(record, Audit())) == []


def test_it_pins_what_every_trigger_function_finds(house: Roles) -> None:
    with psycopg.connect(house.admin_url) as admin:
        pinned = admin.execute(
            "SELECT proname, proconfig, prosecdef FROM pg_proc WHERE pronamespace = 'incident'::regnamespace"
        ).fetchall()
        asleep = admin.execute(
            "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
            "WHERE c.relnamespace = 'incident'::regnamespace AND NOT tgisinternal AND tgenabled <> 'A'"
        ).fetchall()
    assert len(pinned) >= 8
    assert [name for name, config, definer in pinned if config != ["search_path=pg_catalog, pg_temp"] or definer] == []
    # Ordinary triggers sleep in a session that calls itself a replica.
    assert asleep == []


def test_it_finds_nothing_of_other_peoples_in_its_own_sessions(roles: Roles) -> None:
    """A role may set its own defaults, and a database that was upgraded lets everybody create in `public`."""
    with psycopg.connect(roles.admin_url) as admin:
        admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    database = sql.Identifier(urlsplit(roles.admin_url).path[1:])
    with psycopg.connect(roles.runner_url) as session:
        for setting in ("search_path = public", "default_transaction_read_only = on"):
            session.execute(
                sql.SQL("ALTER ROLE {} IN DATABASE {} SET " + setting).format(sql.Identifier(roles.runner), database)
            )
        session.execute("CREATE TABLE public.entries (LIKE incident.entries)")
    with session_of(SecretStr(roles.runner_url)) as ours:
        assert ours.execute("SELECT current_setting('search_path')").fetchone() == ("pg_catalog, pg_temp",)
    with roles.journal().hold("inc-1") as log:
        log.append("engine", "note", Raw("note", {}))
