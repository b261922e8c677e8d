"""The lab's application database: its tables and rows, and the three roles that look at it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import psycopg
from psycopg import sql

from deployments.accounts import create_database, role_exists, set_role
from deployments.cluster import SUPERUSER, Cluster
from deployments.progress import Progress, stage

DATABASE = "app"
# What each role may do beyond logging in: look, own the tables, act. A role stands below those it is a member of.
GRANTS: Mapping[str, tuple[str, ...]] = {
    "monitor": ("pg_monitor",),
    # Compares the rows of two stores, and asks the application's own questions: the only one who looks at its rows, and
    # it cannot write.
    "auditor": ("pg_read_all_data",),
    "app": (),
    # `app`: only the owner of a table may index, analyse or vacuum it (pg_maintain does not index, and came with 17).
    "operator": ("pg_monitor", "pg_signal_backend", "app"),
}
# Those who look and act get in when no slot is left for others. The role came with Postgres 16.
RESERVED = "pg_use_reserved_connections"
LET_IN = ("monitor", "operator")
# Whose password and limits the operator may change: since 16 that takes more than CREATEROLE.
ADMINISTERED = ("monitor", "app")
EXTENSIONS = ("pg_stat_statements", "pgstattuple", "amcheck", "pg_buffercache")


def build(cluster: Cluster, passwords: Mapping[str, str], progress: Progress) -> None:
    """Make whatever of roles, database, tables and rows is not there yet."""
    with psycopg.connect(cluster.url(SUPERUSER, passwords[SUPERUSER], "postgres"), autocommit=True) as session:
        for role, granted in GRANTS.items():
            set_role(session, role, passwords[role])
            for right in granted:
                session.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(right), sql.Identifier(role)))
        _let_in(session)
        create_database(session, DATABASE, "app")
    with psycopg.connect(cluster.url(SUPERUSER, passwords[SUPERUSER], DATABASE), autocommit=True) as session:
        _extend(session)
        for role in GRANTS:
            session.execute(sql.SQL("GRANT CONNECT ON DATABASE app TO {}").format(sql.Identifier(role)))
    with psycopg.connect(cluster.url("app", passwords["app"], DATABASE), autocommit=True) as session:
        if session.execute("SELECT FROM pg_class WHERE oid = to_regclass('public.campaigns')").rowcount == 0:
            with stage(progress, "Filling the lab's application with rows"):
                _fill(session)
        else:
            session.execute(resources.files(__package__).joinpath("meanwhile.sql").read_bytes())


def _let_in(session: psycopg.Connection) -> None:
    session.execute("ALTER ROLE operator CREATEROLE")
    for role in ADMINISTERED:
        session.execute(sql.SQL("GRANT {} TO operator WITH ADMIN OPTION").format(sql.Identifier(role)))
    if role_exists(session, RESERVED):
        for role in LET_IN:
            session.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(RESERVED), sql.Identifier(role)))


def _extend(session: psycopg.Connection) -> None:
    there = session.execute("SELECT name FROM pg_available_extensions WHERE name = ANY(%s)", [list(EXTENSIONS)])
    for (name,) in there.fetchall():
        session.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
        if name == "pg_stat_statements":
            # A drill takes its own slow statements out again.
            session.execute("GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO app")


def _fill(session: psycopg.Connection) -> None:
    # One transaction: an interrupted filling leaves nothing, and the next start begins anew.
    with session.transaction():
        # Parallel workers draw from the random sequence in whatever order they run.
        session.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        # A day of its figures is a day of its environment's.
        session.execute("SET LOCAL TimeZone = 'UTC'")
        session.execute("SET LOCAL work_mem = '128MB'")
        session.execute("SET LOCAL maintenance_work_mem = '128MB'")
        for part in ("schema.sql", "data.sql", "keys.sql", "meanwhile.sql"):
            session.execute(resources.files(__package__).joinpath(part).read_bytes())
    session.execute("VACUUM (ANALYZE)")
