"""The way to the journal's database: one session, its time limits, and what to say when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from flows.journal.redact import Redactor

APPLICATION = "incident-journal"
Connection = psycopg.Connection[tuple[object, ...]]

# What the client's end watches: a server that vanished is noticed within 30 s, not after the kernel's two hours.
CLIENT: dict[str, str | int] = {
    "application_name": APPLICATION,
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# What the server's end watches. Set after connecting: poolers refuse the start-up parameter `options`.
SERVER = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    # A writer that hangs inside its transaction must not keep the others out.
    "idle_in_transaction_session_timeout": "10s",
    # An executor whose machine vanished must lose its lock, or nobody could take the incident up.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
    # An incident may wait for minutes between two entries, verifying.
    "idle_session_timeout": "0",
    # Our statements name their schema. What others put into `public`, or into a temporary one, is never found first.
    "search_path": "pg_catalog, pg_temp",
}
# Joined with what the server knows: Postgres 13 has no idle_session_timeout.
_LIMITS = """
    SELECT set_config(ours.name, ours.value, false)
      FROM unnest(%s::text[], %s::text[]) AS ours (name, value)
      JOIN pg_settings USING (name)
"""

# Each round shows a transaction pooler's hand unless it deals the same server twice by chance.
_POOLER_ROUNDS = 5


class JournalUnavailable(Exception):
    """The journal cannot be read or written; without it nothing further may happen. The message never holds the URL."""


def connect(url: SecretStr) -> Connection:
    """A session of our own, one transaction a statement.

    Raises:
        JournalUnavailable: the URL is no URL, or the database does not let us in.
    """
    target = conninfo(url)
    with speaking(url):
        # Prepared statements would fail behind a transaction pooler before we can say what is wrong with it.
        session = psycopg.connect(make_conninfo(target, **CLIENT), autocommit=True, prepare_threshold=None)
        prepare(session)
    return session


def prepare(session: Connection) -> None:
    """What every session of ours relies on."""
    # Each statement must see what was committed while it waited for a lock, whatever the database's default is.
    session.isolation_level = IsolationLevel.READ_COMMITTED
    session.read_only = False
    session.execute(_LIMITS, [list(SERVER), list(SERVER.values())])


@contextmanager
def session_of(url: SecretStr) -> Iterator[Connection]:
    """A session for a short errand, closed afterwards; its failures are said in a sentence.

    Raises:
        JournalUnavailable: whatever the database refused.
    """
    session = connect(url)
    try:
        with speaking(url):
            yield session
    finally:
        session.close()


def conninfo(url: SecretStr) -> str:
    """`url` as libpq takes it; a driver's name in it (`postgresql+asyncpg`) is left out.

    Raises:
        JournalUnavailable: it cannot be read. libpq's own complaint is withheld: it quotes parts of the password.
    """
    said = JournalUnavailable(
        "The journal's database URL cannot be read. Write postgresql://user:password@host:5432/database, "
        "and percent-encode '@', '/', ':' and '%' in the password."
    )
    scheme, separator, rest = url.get_secret_value().strip().partition("://")
    credentials, at, _ = rest.partition("?")[0].rpartition("@")
    # With a bare '@' or '/' in the password its tail would be taken for the host, and printed.
    if not separator or not re.fullmatch(r"postgres(ql)?(\+\w+)?", scheme) or (at and re.search("[@/]", credentials)):
        raise said
    target = f"postgresql://{rest}"
    try:
        ports = str(conninfo_to_dict(target).get("port", ""))
    except psycopg.Error:
        raise said from None
    if not re.fullmatch(r"[0-9,]*", ports):
        raise said
    return target


def place(url: SecretStr) -> str:
    """Which database that is, as a person may read it."""
    parts = conninfo_to_dict(conninfo(url))
    host, port = parts.get("host", "the local socket"), parts.get("port", 5432)
    return f"database {parts.get('dbname', 'postgres')!r} on {host}:{port}"


@contextmanager
def speaking(url: SecretStr) -> Iterator[None]:
    """Database errors inside the block become one clean sentence.

    Raises:
        JournalUnavailable: that sentence.
    """
    try:
        yield
    except psycopg.Error as error:
        raise JournalUnavailable(f"The journal ({place(url)}) {_failed(error, url)}") from error


def _failed(error: psycopg.Error, url: SecretStr) -> str:
    match error.sqlstate:
        case "42P01" | "3F000":
            return "has no tables yet. `incident up` creates them; elsewhere run the migration."
        case "42501":
            return f"refuses this role: {error.diag.message_primary}. Run the migration again, naming the running role."
        case "25006":
            return "takes no entries: it is a standby or read-only. Point the URL at the primary."
        case "55P03" | "57014":
            return "did not answer in time: another writer is in the way, or the server is overloaded. Try again."
    said = Redactor([url]).text(error.diag.message_primary or _reason(str(error)))
    # It answers, and cannot: a full disk, no memory, a broken file.
    if error.sqlstate and error.sqlstate[:2] in ("53", "58", "XX"):
        hint = error.diag.message_hint or "Its server's log says more."
        return f"cannot take it: {said}. {hint} What waits for it goes on by itself afterwards."
    return f"does not answer: {said}. Is it running, and reachable from here?"


def _reason(message: str) -> str:
    """The cause at the end of libpq's message, without its advice."""
    first = message.strip().partition("\n")[0]
    return first.rpartition("FATAL: ")[2].rpartition(" failed: ")[2].strip().rstrip(".") or "the connection was lost"


def refuse_transaction_pooler(session: Connection, url: SecretStr) -> None:
    """Make sure that `session` stays on one server process: the incident's lock lives and dies with it.

    1. A direct connection was told its server's pid when it began, a pooler's client a made-up one.
    2. Behind a pooler, a second client opens a transaction. Pooled by transaction, it is given the very server that
       just answered the first client, or the first client's next answer comes from another one.

    Raises:
        JournalUnavailable: the server changes from statement to statement.
    """
    if _backend(session) == session.info.backend_pid:
        return
    other = connect(url)
    try:
        for _ in range(_POOLER_ROUNDS):
            ours = _backend(session)
            with other.transaction():
                theirs = _backend(other)
                shared = theirs == ours or _backend(session) != ours
            if shared:
                raise JournalUnavailable(
                    f"The journal ({place(url)}) is behind a pooler that gives out servers by transaction: a lock "
                    "would belong to nobody. Use the database's own port, or a pool with pool_mode = session."
                )
    finally:
        other.close()


def _backend(session: Connection) -> object:
    row = session.execute("SELECT pg_backend_pid()").fetchone()
    return row[0] if row else None
