"""What a Postgres said no with, in our words. The words never hold a URL or a password."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.model import CannotLook, Refused


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a URL leads, without its password."""

    host: str
    port: str
    database: str
    user: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class _Said:
    """How the server or libpq words it (English; the server sends no code before the login), and what it means."""

    pattern: str
    kind: type[CannotLook]
    says: str
    remedy: str = ""


_AT_THE_DOOR = (
    _Said(
        "password authentication failed|no password supplied|authentication failed",
        Refused,
        "{place} refuses the password of {user}.",
        "Correct the password in the URL, or set a new one: ALTER ROLE {quoted_user} PASSWORD '…';",
    ),
    _Said("database .* does not exist", Refused, "{place}: there is no database {database}.", "Correct the URL."),
    _Said("role .* does not exist", Refused, "{place}: there is no role {user}.", "Correct the URL."),
    _Said(
        "is not permitted to log in",
        Refused,
        "{place}: the role {user} may not log in.",
        "ALTER ROLE {quoted_user} LOGIN;",
    ),
    _Said(
        "permission denied for database",
        Refused,
        "{place}: {user} may not connect to {database}.",
        "GRANT CONNECT ON DATABASE {quoted_database} TO {quoted_user};",
    ),
    _Said(
        "no pg_hba.conf entry|pg_hba.conf rejects",
        Refused,
        "{place} admits nobody like us: pg_hba.conf has no line for {user} from here.",
        "Add the line for this host, user and database, then SELECT pg_reload_conf();",
    ),
    _Said(
        "does not support SSL|SSL was required|certificate verify failed|certificate",
        Refused,
        "{place} and we do not agree on TLS.",
        "Correct sslmode and sslrootcert in the URL.",
    ),
    _Said(
        "too many clients|remaining connection slots|too many connections",
        CannotLook,
        "{place} has no free connection slot.",
        "Close idle sessions, or keep superuser_reserved_connections / reserved_connections for us.",
    ),
    _Said(
        "starting up|in recovery mode|not yet accepting",
        CannotLook,
        "{place} is starting up.",
        "Wait; crash recovery can take minutes, and the server's log shows how far it is.",
    ),
    _Said("shutting down", CannotLook, "{place} is shutting down.", "Find out who stops it; its log says how."),
    _Said(
        "Connection refused",
        CannotLook,
        "{place} refuses connections: nothing listens there.",
        "Start the server (its log says why it ended), or correct host and port in the URL.",
    ),
    _Said(
        "failed to resolve host|translate host name",
        CannotLook,
        "{place}: the name {host} does not resolve.",
        "Correct the host in the URL, or look at this machine's DNS.",
    ),
    _Said(
        "timeout expired|timed out",
        CannotLook,
        "{place} did not let us connect within {limit_s:g} s.",
        "Look at the host and at the firewall between; a slow network needs a larger connect_timeout_s.",
    ),
    _Said(
        "No route to host|Network is unreachable",
        CannotLook,
        "{place} cannot be reached from here.",
        "Look at the route, the VPN and the firewall between.",
    ),
)


def at_the_door(place: Place, text: str, limit_s: float) -> CannotLook:
    """Why a connection did not come about. An unknown reason may pass: asking again does no harm."""
    for said in _AT_THE_DOOR:
        if re.search(said.pattern, text, re.IGNORECASE):
            words = {
                "place": place,
                "host": place.host,
                "user": place.user,
                "database": place.database,
                "quoted_user": quoted(place.user),
                "quoted_database": quoted(place.database),
                "limit_s": limit_s,
            }
            return said.kind(said.says.format(**words), remedy=said.remedy.format(**words))
    return CannotLook(f"{place} did not let us connect.", remedy="This process's log holds the server's words.")


def of_the_statement(place: Place, sqlstate: str, text: str, limit_s: float | None) -> CannotLook:
    """Why a statement failed, by its SQLSTATE; without one the connection broke."""
    if sqlstate == "57014":
        return CannotLook(
            f"{place} did not answer within {limit_s or 0:g} s.",
            remedy="If it is merely slow: raise statement_timeout_s.",
        )
    if sqlstate == "55P03":
        return CannotLook(f"{place}: what we asked about is locked.")
    if sqlstate == "42501":
        return Refused(f"{place} does not allow {place.user} to do this: {text}.")
    if not sqlstate or sqlstate.startswith(("08", "57P")):
        return CannotLook(
            f"{place} ended our connection.",
            remedy="If it restarted or failed over, ask again; its log says who ended the session.",
        )
    if sqlstate.startswith(("40", "53")):
        return CannotLook(f"{place} could not answer: {text}.")
    return Refused(f"{place} cannot answer this question: {text} (SQLSTATE {sqlstate}).")


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
