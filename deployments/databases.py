"""The stack's databases on a Postgres server: Prefect's, and the journal's with an owner and a running role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deployments.accounts import Session, create_database, database_exists, hashed, role_exists, set_role
from deployments.trouble import CannotStart

PREFECT = "prefect"
JOURNAL = "incident"
OWNER = "incident_owner"
RUNNER = "incident_runner"
# Each role, and the database it works in.
ROLES: Mapping[str, str] = {PREFECT: PREFECT, OWNER: JOURNAL, RUNNER: JOURNAL}
DATABASES: Mapping[str, str] = {PREFECT: PREFECT, JOURNAL: OWNER}
CONNECT_S = 10


class DatabaseUnusable(CannotStart):
    """The Postgres server named for the stack cannot be used as it is."""


@dataclass(frozen=True)
class Server:
    """A Postgres server, reached with rights to create; `passwords` are those of the stack's own roles there."""

    admin_url: str
    passwords: Mapping[str, str]
    # Nobody but this stack uses it, so a role that is there already is ours.
    ours: bool

    def __post_init__(self) -> None:
        parts = urlsplit(self.admin_url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.username:
            raise DatabaseUnusable(
                "DATABASE_URL: expected postgresql://user:password@host:port/database, with a host and a user."
            )

    @property
    def address(self) -> str:
        """Host and port, without user and password."""
        return urlsplit(self.admin_url).netloc.rpartition("@")[2]

    def url(self, role: str) -> str:
        """How one of the stack's roles reaches its database, with the same options as the administrator."""
        netloc = f"{role}:{quote(self.passwords[role], safe='')}@{self.address}"
        return urlunsplit(urlsplit(self.admin_url)._replace(scheme="postgresql", netloc=netloc, path=f"/{ROLES[role]}"))

    @property
    def prefect_url(self) -> str:
        """The same for Prefect's driver, which knows `ssl` where libpq says `sslmode`, and none of libpq's others."""
        parts = urlsplit(self.url(PREFECT))
        options = [("ssl", value) for name, value in parse_qsl(parts.query) if name == "sslmode"]
        return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(options)))


def provision(server: Server) -> None:
    """Make the roles and databases that are not there yet; safe to repeat.

    Raises:
        DatabaseUnusable: no answer, no rights, or the roles belong to another stack.
    """
    if all(_can_connect(server.url(role)) for role in ROLES):
        return
    try:
        with psycopg.connect(server.admin_url, autocommit=True, connect_timeout=CONNECT_S) as session:
            _refuse_strangers(session, server)
            _refuse_without_rights(session, server)
            _create(session, server)
        with psycopg.connect(_admin_in(server, PREFECT), autocommit=True, connect_timeout=CONNECT_S) as session:
            # Prefect's migrations need it, and its own role may not create it everywhere.
            session.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except psycopg.OperationalError as error:
        raise DatabaseUnusable(
            f"Postgres at {server.address} cannot be used: {str(error).strip()}\n"
            "Check DATABASE_URL and that the server runs, then try again."
        ) from error


def _can_connect(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=CONNECT_S).close()
    except psycopg.OperationalError:
        # Why it cannot is found out, and said, by the administrator's connection.
        return False
    return True


def _refuse_strangers(session: Session, server: Server) -> None:
    taken = [] if server.ours else [role for role in ROLES if role_exists(session, role) and not _is_ours(server, role)]
    if taken:
        raise DatabaseUnusable(
            f"Postgres at {server.address} has the role {taken[0]!r} already, and its password is not known here: "
            "another stack uses this server, or this stack's state was deleted.\n"
            f"Use that stack's INCIDENT_HOME. If there is none: DROP DATABASE {ROLES[taken[0]]}; DROP ROLE {taken[0]};"
        )


def _is_ours(server: Server, role: str) -> bool:
    """Does our password fit? The database may be missing still, and then the server says so after the password."""
    try:
        psycopg.connect(server.url(role), connect_timeout=CONNECT_S).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" not in str(error)
    return True


def _refuse_without_rights(session: Session, server: Server) -> None:
    row = session.execute(
        "SELECT rolname, rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is None or row[1]:
        return
    commands = "\n".join(f"  {line}" for line in _script(session, server))
    raise DatabaseUnusable(
        f"Postgres at {server.address}: {row[0]} may not create roles and databases. "
        f"Let an administrator run in psql:\n{commands}\n"
        "Then try again. The passwords are kept in this stack's state; the lines hold only their hashes."
    )


def _create(session: Session, server: Server) -> None:
    for role in ROLES:
        set_role(session, role, server.passwords[role])
        if not _is_superuser(session):
            # Since version 16 who creates a role may not yet give databases to it.
            session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    for database, owner in DATABASES.items():
        create_database(session, database, owner)
    names = sql.Identifier(JOURNAL), sql.Identifier(RUNNER)
    session.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(*names))


def _is_superuser(session: Session) -> bool:
    return session.execute("SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper").rowcount > 0


def _admin_in(server: Server, database: str) -> str:
    return urlunsplit(urlsplit(server.admin_url)._replace(scheme="postgresql", path=f"/{database}"))


def _script(session: Session, server: Server) -> Iterator[str]:
    """What `_create` does, as an administrator would type it."""
    for role in ROLES:
        verb = "ALTER" if role_exists(session, role) else "CREATE"
        yield f"{verb} ROLE {role} LOGIN PASSWORD '{hashed(session, role, server.passwords[role])}';"
    for database, owner in DATABASES.items():
        if not database_exists(session, database):
            yield f"CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0;"
        yield f"REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC;"
    yield f"GRANT CONNECT ON DATABASE {JOURNAL} TO {RUNNER};"
    yield f"\\connect {PREFECT}"
    yield "CREATE EXTENSION IF NOT EXISTS pg_trgm;"
