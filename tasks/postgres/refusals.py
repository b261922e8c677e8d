"""What a Postgres said no with, in our words. The words never hold a URL or a password."""

from __future__ import annotations

import enum
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
    # False: the URL says sslmode=disable.
    tls: bool = True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.database}"


class Reason(enum.StrEnum):
    """Why a connection did not come about: what people must tell apart, because the cure differs."""

    NAME = "the name does not resolve"
    REFUSED = "nothing listens"
    TIME_OUT = "time-out"
    UNREACHABLE = "no route"
    BROKEN_OFF = "broken off"
    NO_POSTGRES = "no Postgres"
    TLS = "TLS"
    NOT_ADMITTED = "not admitted"
    PASSWORD = "password"  # noqa: S105 - the reason, no password
    ROLE_MISSING = "role missing"
    NO_LOGIN = "role may not log in"
    DATABASE_MISSING = "database missing"
    DATABASE_CLOSED = "database closed"
    TOO_MANY_CLIENTS = "too many clients"
    ROLE_LIMIT = "role's connection limit"
    DATABASE_LIMIT = "database's connection limit"
    POOLER_FULL = "pooler full"
    POOLER_CUT_OFF = "pooler cut off from its server"
    STARTING_UP = "starting up"
    IN_RECOVERY = "in recovery"
    SHUTTING_DOWN = "shutting down"
    OTHER = "other"


class NotConnected(CannotLook):
    """A connection did not come about, for `reason`; it may pass."""

    def __init__(self, reason: Reason, says: str, remedy: str = "") -> None:
        super().__init__(says, remedy)
        self.reason = reason


class NotAdmitted(NotConnected, Refused):
    """A connection did not come about, for `reason`, and will not until a person mends something."""


@dataclass(frozen=True)
class _Said:
    """How the server, a pooler or libpq words it in English, and what it means. Of other languages: `codes`."""

    pattern: str
    reason: Reason
    kind: type[NotConnected]
    says: str
    remedy: str = ""


_AT_THE_DOOR = (
    _Said(
        "too many connections for role",
        Reason.ROLE_LIMIT,
        NotConnected,
        "{place}: {user} has as many sessions as its connection limit allows.",
        "Close sessions of {user}, or raise its limit: ALTER ROLE {quoted_user} CONNECTION LIMIT …;",
    ),
    _Said(
        "too many connections for database",
        Reason.DATABASE_LIMIT,
        NotConnected,
        "{place}: {database} has as many sessions as its connection limit allows.",
        "Close sessions there, or raise its limit: ALTER DATABASE {quoted_database} CONNECTION LIMIT …;",
    ),
    _Said(
        "no more connections allowed|max clients reached|query_wait_timeout",
        Reason.POOLER_FULL,
        NotConnected,
        "The pooler at {place} has no free connection.",
        "Close idle clients, or raise the pooler's max_client_conn / default_pool_size.",
    ),
    _Said(
        "too many clients|remaining connection slots|too many connections",
        Reason.TOO_MANY_CLIENTS,
        NotConnected,
        "{place} has no free connection slot.",
        "Close idle sessions. So that we can look and help even then: on Postgres 16 and later set "
        "reserved_connections = 5, restart, and GRANT pg_use_reserved_connections TO {quoted_user}; before, give "
        "reserve_url a superuser, for whom superuser_reserved_connections are kept.",
    ),
    _Said(
        "server login has been failing|cannot connect to server|server_login_retry|server conn crashed",
        Reason.POOLER_CUT_OFF,
        NotConnected,
        "The pooler at {place} answers, but cannot reach its server.",
        "Look at the server behind the pooler, and at the pooler's log.",
    ),
    _Said(
        "password authentication failed|no password supplied|authentication failed",
        Reason.PASSWORD,
        NotAdmitted,
        "{place} refuses the password of {user}.",
        "Correct the password in the URL, or set a new one: ALTER ROLE {quoted_user} PASSWORD '…';",
    ),
    _Said(
        "database .*does not exist|no such database|invalid database",
        Reason.DATABASE_MISSING,
        NotAdmitted,
        "{place}: there is no database {database}.",
        "Correct the URL.",
    ),
    _Said(
        "database .*is not currently accepting connections",
        Reason.DATABASE_CLOSED,
        NotAdmitted,
        "{place}: the database {database} accepts nobody.",
        "ALTER DATABASE {quoted_database} ALLOW_CONNECTIONS true;",
    ),
    _Said(
        "role .*does not exist|no such user|user not found",
        Reason.ROLE_MISSING,
        NotAdmitted,
        "{place}: there is no role {user}.",
        "Correct the URL.",
    ),
    _Said(
        "is not permitted to log in",
        Reason.NO_LOGIN,
        NotAdmitted,
        "{place}: the role {user} may not log in.",
        "ALTER ROLE {quoted_user} LOGIN;",
    ),
    _Said(
        "permission denied for database",
        Reason.NOT_ADMITTED,
        NotAdmitted,
        "{place}: {user} may not connect to {database}.",
        "GRANT CONNECT ON DATABASE {quoted_database} TO {quoted_user};",
    ),
    _Said(
        "no pg_hba.conf entry.*we offer no TLS",
        Reason.TLS,
        NotAdmitted,
        "{place} does not admit {user} without TLS.",
        "Remove sslmode=disable from the URL. If that is not it, pg_hba.conf has no line for {user} from here.",
    ),
    _Said(
        "no pg_hba.conf entry|pg_hba.conf rejects",
        Reason.NOT_ADMITTED,
        NotAdmitted,
        "{place} admits nobody like us: pg_hba.conf has no line for {user} from here.",
        "Add the line for this host, user and database, then SELECT pg_reload_conf();",
    ),
    _Said(
        "does not support SSL|SSL was required|certificate|SSL required|SSL error",
        Reason.TLS,
        NotAdmitted,
        "{place} and we do not agree on TLS.",
        "Correct sslmode and sslrootcert in the URL.",
    ),
    _Said(
        "in recovery mode",
        Reason.IN_RECOVERY,
        NotConnected,
        "{place} recovers from a crash of one of its processes.",
        "Wait; it takes up to minutes. Its log says which process crashed.",
    ),
    _Said(
        "starting up|not yet accepting|not accepting connections",
        Reason.STARTING_UP,
        NotConnected,
        "{place} is starting up.",
        "Wait; crash recovery can take minutes, and the server's log shows how far it is.",
    ),
    _Said(
        "cannot connect now",
        Reason.STARTING_UP,
        NotConnected,
        "{place} takes no sessions just now: it starts up, recovers, or shuts down.",
        "Wait; crash recovery can take minutes, and the server's log shows how far it is.",
    ),
    _Said(
        "shutting down",
        Reason.SHUTTING_DOWN,
        NotConnected,
        "{place} is shutting down.",
        "Find out who stops it; its log says how.",
    ),
    _Said(
        "Connection refused|connection to server on socket .* failed: No such file",
        Reason.REFUSED,
        NotConnected,
        "{place} refuses connections: nothing listens there.",
        "Start the server (its log says why it ended), or correct host and port in the URL.",
    ),
    _Said(
        "failed to resolve host|translate host name",
        Reason.NAME,
        NotConnected,
        "{place}: the name {host} does not resolve.",
        "Correct the host in the URL, or look at this machine's DNS.",
    ),
    _Said(
        "timeout expired|timed out",
        Reason.TIME_OUT,
        NotConnected,
        "{place} did not let us connect within {limit_s:g} s.",
        "Look at the host and at the firewall between; a slow network needs a larger connect_timeout_s.",
    ),
    _Said(
        "No route to host|Network is unreachable",
        Reason.UNREACHABLE,
        NotConnected,
        "{place} cannot be reached from here.",
        "Look at the route, the VPN and the firewall between.",
    ),
    _Said(
        "invalid response to SSL negotiation|expected authentication request|unsupported frontend protocol",
        Reason.NO_POSTGRES,
        NotAdmitted,
        "{place} is no Postgres: what listens there speaks another language.",
        "Correct host and port in the URL.",
    ),
    _Said(
        "server closed the connection|Connection reset|terminating connection",
        Reason.BROKEN_OFF,
        NotConnected,
        "{place} broke the connection off before it was made.",
        "Look at the server's log; a firewall or a load balancer between may do this too.",
    ),
)

# Names of roles, databases and hosts stand in quotes; one called "timed out" must not decide the reason.
_NAMES = re.compile(r"\"[^\"]*\"|'[^' ]*'|[»„“][^«“”]*[«“”]|«[^»]*»")


def at_the_door(place: Place, text: str, limit_s: float) -> NotConnected:
    """Why a connection did not come about. An unknown reason may pass: asking again does no harm."""
    plain = _NAMES.sub("", text) + ("" if place.tls else " (we offer no TLS)")
    for said in _AT_THE_DOOR:
        if re.search(said.pattern, plain, re.IGNORECASE | re.DOTALL):
            words = {
                "place": place,
                "host": place.host,
                "user": place.user,
                "database": place.database,
                "quoted_user": quoted(place.user),
                "quoted_database": quoted(place.database),
                "limit_s": limit_s,
            }
            return said.kind(said.reason, said.says.format(**words), said.remedy.format(**words))
    return NotConnected(
        Reason.OTHER, f"{place} did not let us connect.", remedy="This process's log holds the server's words."
    )


# Limits of the server that end a whole session, by the code it says so with.
ENDED = {
    "57P05": "idle_session_timeout",
    "25P03": "idle_in_transaction_session_timeout",
    "25P04": "transaction_timeout",
}


def of_the_statement(place: Place, sqlstate: str, text: str, limit_s: float | None) -> CannotLook:
    """Why a statement failed, by its SQLSTATE; without one the connection broke."""
    if sqlstate == "57014":
        return CannotLook(
            f"{place} did not answer within {limit_s or 0:g} s.",
            remedy="If it is merely slow: raise statement_timeout_s.",
        )
    if sqlstate == "55P03":
        return CannotLook(
            f"{place}: what we asked about is locked.",
            remedy="See who holds it: incident run database/blocked-sessions",
        )
    if sqlstate == "42501":
        return Refused(f"{place} does not allow {place.user} to do this: {text}.")
    if sqlstate == "08P01":
        # A pooler's, which speaks English whatever the server does.
        return Refused(f"{place} does not let us work: {text}.", remedy="Lead the URL past the pooler.")
    if sqlstate in ENDED:
        return CannotLook(
            f"{place} ended our session after {ENDED[sqlstate]}, before we could lift it.",
            remedy=f"ALTER ROLE {quoted(place.user)} SET {ENDED[sqlstate]} = 0;",
        )
    if not sqlstate or sqlstate.startswith(("08", "57P")):
        return CannotLook(
            f"{place} ended our connection.",
            remedy="If it restarted or failed over, ask again; its log says who ended the session.",
        )
    if sqlstate.startswith(("40", "53")):
        return CannotLook(f"{place} could not answer: {text}.")
    if sqlstate in ("22021", "22P05"):
        return Refused(
            f"{place} keeps a text that cannot be had in the encoding of {place.database}: {text}.",
            remedy="pg_stat_statements is read whole or not at all, and a statement of a database without an encoding "
            "is in the way. Forget those: SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE "
            "pg_encoding_to_char(encoding) = 'SQL_ASCII';",
        )
    if sqlstate.startswith(("22", "23")):
        return Refused(f"{place} does not take this: {text} (SQLSTATE {sqlstate}).")
    # Undefined table, function, object: our sessions look names up in pg_catalog alone.
    unfound = sqlstate in ("42P01", "42883", "42704")
    return Refused(
        f"{place} refuses this statement: {text} (SQLSTATE {sqlstate}).",
        remedy="If it is there: name its schema (public.leads), and that of an operator (OPERATOR(public.=))."
        if unfound
        else "",
    )


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
