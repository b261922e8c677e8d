"""Roles and databases on a Postgres server, made once and left alone afterwards."""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
from psycopg import sql

Session = psycopg.Connection[Any]


def new_password() -> str:
    return secrets.token_urlsafe(24)


def role_exists(session: Session, role: str) -> bool:
    return session.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount > 0


def database_exists(session: Session, database: str) -> bool:
    return session.execute("SELECT FROM pg_database WHERE datname = %s", [database]).rowcount > 0


def hashed(session: Session, role: str, password: str) -> str:
    """The password as the server stores it: its log and pg_stat_statements keep every statement as it was sent."""
    return session.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def set_role(session: Session, role: str, password: str) -> None:
    """Create `role`, or give it `password` if it is there."""
    verb = sql.SQL("ALTER ROLE") if role_exists(session, role) else sql.SQL("CREATE ROLE")
    secret = sql.Literal(hashed(session, role, password))
    session.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), secret))


def create_database(session: Session, database: str, owner: str) -> None:
    """Create `database` for `owner` and nobody else, if it is not there. `session` must be in autocommit."""
    names = {"database": sql.Identifier(database), "owner": sql.Identifier(owner)}
    if not database_exists(session, database):
        create = "CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0"
        session.execute(sql.SQL(create).format(**names))
    session.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names))
