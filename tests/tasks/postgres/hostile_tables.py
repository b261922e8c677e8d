"""A database whose names were chosen to hurt, with every kind of relation that a question may stumble over."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.conftest import Server
from tests.tasks.postgres.conftest import Stage, staged

NAMES = (
    'say "hi"',
    "O'Reilly's",
    "таблица_ñ_日本_🙂",
    "dots.in.the.name",
    "with space",
    "line\nbreak\ttab",
    'x"; DROP TABLE canary; --',
    "'); DROP TABLE canary; --",
    "$$; DROP TABLE canary; $$",
    "UPPER",
    "%s %(ours)s %",
    "{schema} {0}",
    "\\'; DROP TABLE canary; --",
    "n" * 63,
    "é" * 31,
    "select",
)
# Identifiers are cut at 63 bytes; this is a session's, which takes ASCII only.
APPLICATION = "x'; DROP TABLE canary; --"

# Ten thousand rows on 8 MiB: large in the eyes of every question.
_LARGE = """
CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY, {column} text, gone int,
    twice int GENERATED ALWAYS AS (2 * length({column})) STORED) WITH (fillfactor = 10, autovacuum_enabled = off);
ALTER TABLE {table} DROP COLUMN gone;
INSERT INTO {table} ({column}) SELECT repeat('v', 30) || n FROM generate_series(1, 14000) n;
CREATE INDEX {index} ON {table} (id);
CREATE INDEX {twin} ON {table} (id);
CREATE UNIQUE INDEX ON {table} ({column});
"""
_ODD = """
CREATE TABLE canary (sings bool); INSERT INTO canary VALUES (true);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO actor;
CREATE TABLE no_rows (id int); CREATE TABLE no_columns (); INSERT INTO no_columns SELECT FROM generate_series(1, 20000);
CREATE UNLOGGED TABLE unlogged AS SELECT n FROM generate_series(1, 20000) n;
CREATE TABLE parted (id int, part int) PARTITION BY LIST (part);
CREATE TABLE "parted.""one"" of" PARTITION OF parted FOR VALUES IN (1) WITH (autovacuum_enabled = off);
CREATE TABLE parted_two PARTITION OF parted FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE parted_two_a PARTITION OF parted_two DEFAULT;
INSERT INTO parted SELECT n, n % 2 + 1 FROM generate_series(1, 30000) n;
CREATE INDEX parted_all ON parted (id);
-- Invalid until its partitions have theirs.
CREATE INDEX parted_alone ON ONLY parted (part);
CREATE MATERIALIZED VIEW "Mat View" AS SELECT * FROM parted; CREATE VIEW seen AS SELECT * FROM parted;
CREATE EXTENSION postgres_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', connect_timeout '60');
CREATE USER MAPPING FOR PUBLIC SERVER nowhere OPTIONS (user 'nobody', password 'never-asked');
CREATE FOREIGN TABLE "far ""away"" table" (id int) SERVER nowhere;
CREATE SCHEMA "hid'den"; CREATE TABLE "hid'den".secret AS SELECT n FROM generate_series(1, 20000) n;
REVOKE ALL ON SCHEMA "hid'den" FROM PUBLIC; REVOKE ALL ON "hid'den".secret FROM PUBLIC;
ALTER TABLE "hid'den".secret ENABLE ROW LEVEL SECURITY; ALTER TABLE "hid'den".secret FORCE ROW LEVEL SECURITY;
CREATE DOMAIN odd AS text CHECK (value <> ''); CREATE TABLE domains (d odd DEFAULT 'x');
CREATE EXTENSION pg_stat_statements;
"""
# Looked up by its column, which has an index that the planner cannot use so; slow enough to be explained.
_ASKS = "SELECT count(*), pg_sleep(0.05) FROM {table} WHERE {column} || '' = 'nothing' AND {column} = 'x'"


@contextmanager
def hostile(server: Server) -> Iterator[Stage]:
    """A staged database full of them; a temporary table, a lock queue and half an index build stay for the block."""
    role = sql.Identifier(f'ow"ner {secrets.token_hex(4)}; DROP TABLE canary; --')
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {}").format(role))
        try:
            with staged(server) as stage:
                stage.admin(_ODD)
                _populate(stage.session("migration", "boss"), role)
                _hold(stage)
                yield stage
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def _populate(admin: psycopg.Connection, role: sql.Identifier) -> None:
    for number, name in enumerate(NAMES):
        # Every other one in a schema of that name, and owned by somebody who is called worse.
        place = ("public", name) if number % 2 else (name, name)
        if place[0] == name:
            admin.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        words = {
            "table": sql.Identifier(*place),
            "column": sql.Identifier(name),
            "index": sql.Identifier(f"i{name}"[:60]),
            "twin": sql.Identifier(f"j{name}"[:60]),
        }
        for statement in _LARGE.strip().split(";\n"):
            admin.execute(sql.SQL(statement).format(**words))
        for _ in range(6):
            admin.execute(sql.SQL(_ASKS).format(**words))
        admin.execute(sql.SQL("UPDATE {table} SET {column} = {column} || '.' WHERE id % 2 = 0").format(**words))
        admin.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(words["table"], role))
        admin.execute(sql.SQL("GRANT SELECT ON {} TO actor").format(words["table"]))
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO actor").format(sql.Identifier(place[0])))


def _hold(stage: Stage) -> None:
    temporary = stage.session("temporary", "boss")
    temporary.execute('CREATE TEMP TABLE "temp"";" AS SELECT n FROM generate_series(1, 20000) n')
    name = sql.Identifier(NAMES[0], NAMES[0]).as_string(temporary)
    touch = f"UPDATE {name} SET id = DEFAULT WHERE id = 1"  # noqa: S608 - that is what is tried here
    stage.begins(APPLICATION, touch, user="boss")
    stage.queues(stage.session(APPLICATION, "boss"), touch)
    builder = stage.session('build"er', "boss")
    stage.queues(builder, f'CREATE INDEX CONCURRENTLY "half\';built" ON {name} (id)')
