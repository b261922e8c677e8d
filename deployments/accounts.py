"""Roles and databases on a Postgres server, made once and left alone afterwards."""

from __future__ import annotations

import secrets
from typing import Any, LiteralString

import psycopg
from psycopg import sql

Session = psycopg.Connection[Any]


def new_password() -> str:
    return secrets.token_urlsafe(24)


def role_exists(session: Session, role: str) -> bool:
    return session.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount > 0


def database_exists(session: Session, database: str) -> bool:
    return session.execute("SELECT FROM pg_database WHERE datname = %s", [database]).rowcount > 0


def set_role(session: Session, role: str, password: str) -> None:
    """Create `role`, or give it `password` if it is there."""
    verb: LiteralString = "ALTER ROLE" if role_exists(session, role) else "CREATE ROLE"
    # Hashed here: the server's log and pg_stat_statements keep the statement as it was sent.
    hashed = session.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    session.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(sql.SQL(verb), sql.Identifier(role), sql.Literal(hashed)))


def create_database(session: Session, database: str, owner: str) -> None:
    """Create `database` for `owner` and nobody else, if it is not there. `session` must be in autocommit."""
    if database_exists(session, database):
        return
    names = {"database": sql.Identifier(database), "owner": sql.Identifier(owner)}
    session.execute(sql.SQL("CREATE DATABASE {database} OWNER {owner}").format(**names))
    session.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names))
