"""A database of a thousand tables and five thousand indexes, as grown applications have them."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg

TABLES, INDEXES_EACH = 1000, 5
DATABASE = "wide"

_TABLE = """
CREATE TABLE wide_{n} (id int PRIMARY KEY, a int, b int, c text, d timestamptz);
INSERT INTO wide_{n} SELECT g, g % 7, g, md5(g::text), now() FROM generate_series(1, 50) AS g;
CREATE INDEX ON wide_{n} (a);
CREATE INDEX ON wide_{n} (b, a);
CREATE INDEX ON wide_{n} (c);
CREATE INDEX ON wide_{n} (d) WHERE a > 3;
"""


def build(admin_url: str) -> str:
    """Make the database on the server of `admin_url`; the admin's URL of it."""
    with psycopg.connect(admin_url, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {DATABASE}")
    url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{DATABASE}"))
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        for number in range(TABLES):
            session.execute(_TABLE.format(n=number).encode())
        session.execute("ANALYZE")
        found = session.execute(
            "SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FILTER (WHERE relkind = 'i') FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'wide_%'"
        ).fetchone()
    if found != (TABLES, TABLES * INDEXES_EACH):
        raise RuntimeError(f"The wide database has {found} tables and indexes; its figures would mean nothing.")
    return url
