"""The roles that a backup needs and the server lacks: made from its globals.sql, without passwords."""

from __future__ import annotations

import re

from tasks.backup import shelf
from tasks.backup.queries import ROLES_THERE
from tasks.backup.shelf import Backup
from tasks.model import CannotLook
from tasks.postgres.refusals import quoted
from tasks.postgres.system import PostgresServer

# Whoever granted it may be missing here, and we are a superuser.
_GRANTED_BY = re.compile(r" GRANTED BY (?:\"(?:[^\"]|\"\")+\"|\w+);$")
# A superuser of another server is none of ours before a person says so.
_NOT_ALONE = re.compile(r"\b(SUPERUSER|REPLICATION|BYPASSRLS)\b")


def missing(server: PostgresServer, one: Backup) -> list[str]:
    """The roles of the backup's server that this one lacks, without those that Postgres brings along.

    Raises:
        CannotLook, Refused: no answer.
    """
    wanted = [str(role) for role in one.manifest["server"]["roles"]]
    known = {str(row["role"]) for row in server.rows(ROLES_THERE, wanted=wanted)}
    return [role for role in wanted if role not in known]


def statements(one: Backup, roles: list[str]) -> list[str]:
    """What makes these roles as they were: attributes, settings and memberships, without passwords and without the
    rights of a superuser.

    Raises:
        CannotLook: the backup's file cannot be read.
    """
    try:
        lines = (one.place / shelf.GLOBALS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotLook(f"{one.place / shelf.GLOBALS} cannot be read: {error}.") from error
    found: list[str] = []
    for role in roles:
        found.append(f"CREATE ROLE {quoted(role)}")
        names = (role, quoted(role))
        made = [line for line in lines if line.startswith(tuple(f"ALTER ROLE {name} WITH " for name in names))]
        found += [_NOT_ALONE.sub(lambda said: f"NO{said[1]}", line).rstrip(";") for line in made]
        found += [line.rstrip(";") for line in lines if line.startswith(tuple(f"ALTER ROLE {n} SET " for n in names))]
    known = tuple(f" TO {name}" for role in roles for name in (role, quoted(role)))
    granted = [line for line in lines if line.startswith("GRANT ") and " ON " not in line]
    for line in granted:
        plain = _GRANTED_BY.sub("", line).rstrip(";")
        if re.sub(r" WITH .*$", "", plain).endswith(known):
            found.append(plain)
    return found


def make(server: PostgresServer, one: Backup, roles: list[str]) -> None:
    """Make them, all or none.

    Raises:
        CannotLook, Refused: the server said no.
    """
    with server.transaction() as work:
        for statement in statements(one, roles):
            work.run(statement.replace("%", "%%"))
