"""A Postgres URL, read by the library that will connect with it; no message ever quotes it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import conninfo, pq
from pydantic import AfterValidator, SecretStr

from tasks.model import Refused
from tasks.postgres.refusals import Place


def _url(value: SecretStr) -> SecretStr:
    """Refuse what libpq could not read. The message leaves the value out: it holds a password."""
    said = "must be a URL like postgresql://user:password@host:5432/database"
    text = value.get_secret_value()
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError(said)
    try:
        parts = conninfo.conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise ValueError(f"{said}; write %40 for an @ in the password, %2F for a /") from None
    missing = [name for name, key in (("host", "host"), ("user", "user"), ("database", "dbname")) if not parts.get(key)]
    if missing:
        raise ValueError(f"{said}; there is no {missing[0]} in it")
    if not all(port.isdecimal() for port in str(parts.get("port") or 5432).split(",")):
        raise ValueError(f"{said}; the port is no number")
    return value


Url = Annotated[SecretStr, AfterValidator(_url)]


def password_of(url: SecretStr) -> SecretStr:
    """The password in `url`; empty when there is none."""
    return SecretStr(str(conninfo.conninfo_to_dict(url.get_secret_value()).get("password") or ""))


def place_of(url: SecretStr) -> Place:
    """Where `url` leads, fit for people."""
    parts = conninfo.conninfo_to_dict(url.get_secret_value())
    return Place(
        host=str(parts["host"]),
        port=str(parts.get("port") or 5432),
        database=str(parts["dbname"]),
        user=str(parts["user"]),
        tls=parts.get("sslmode") != "disable",
    )


def variables_of(url: SecretStr) -> dict[str, str]:
    """What `url` says, as libpq's variables: a program's arguments everybody can read."""
    options = pq.Conninfo.parse(url.get_secret_value().encode())
    return {o.envvar.decode(): o.val.decode() for o in options if o.envvar and o.val is not None}


def in_database(url: SecretStr, database: str) -> SecretStr:
    """The same server and role, and another database of it.

    Raises:
        Refused: the URL names its database where it cannot be replaced.
    """
    parts = urlsplit(url.get_secret_value())
    moved = SecretStr(urlunsplit(parts._replace(path=f"/{quote(database, safe='')}")))
    if place_of(moved).database != database:
        raise Refused(f"{place_of(url)}: its URL names the database behind the ?.", remedy="Write it before: …/name?…")
    return moved
