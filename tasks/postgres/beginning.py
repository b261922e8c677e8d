"""How every session of ours begins: with all we rely on, whatever the server, its database and our role are set to.

Each transaction sets it for itself. SET looks no name up, so that nobody's code comes before it; LOCAL ends with the
transaction, so that behind a pooler the next client finds the server's session as it was.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

# What others put into a schema, or into a temporary one, is never found first: our statements name their schemas.
PINNED = "pg_catalog, pg_temp"

# A lock is waited for this part of the time: were it the whole, the server would say "too slow", never "locked".
LOCK_SHARE = 0.5

# In this order: a limit that ends statements after a millisecond must go first.
_RELIED_ON: Mapping[str, str] = {
    "search_path": PINNED,
    # How values are written, and statements read.
    "DateStyle": "'ISO, YMD'",
    "IntervalStyle": "postgres",
    "TimeZone": "'UTC'",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "row_security": "on",
    # Compiling a question about a few dozen sessions took seconds, and then no answer comes within the limit.
    "jit": "off",
}


class Manner(enum.Enum):
    """What a session is for, by what its transaction begins with."""

    READS = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
    # Several questions about one moment.
    SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    CHANGES = "BEGIN ISOLATION LEVEL READ COMMITTED"
    # VACUUM and CREATE INDEX CONCURRENTLY run in no transaction: set for the session, which must be ours alone.
    ALONE = ""


def named_if_direct(application: str, pid: int) -> str:
    """The question whether the process that answers is the one we were told of (`direct`): it takes our name then.

    It is the first that is asked: every name in it says where it is.
    """
    named = f"pg_catalog.set_config('application_name', '{application}', false)"
    return (
        f"SELECT CASE WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {pid} THEN {named} IS NOT NULL "
        "ELSE false END AS direct"
    )


def beginning(
    manner: Manner,
    *,
    version: int,
    encoding: str,
    limit_s: float | None,
    lock_s: float | None = None,
    application: str = "",
) -> str:
    """The statements a session of this manner begins with, to be sent as one.

    `version` as Postgres numbers it, `encoding` the server's. Without `limit_s` nothing is limited; `lock_s` is how
    long a lock is waited for, by default LOCK_SHARE of the limit. `application` is set where the session has no name.
    """
    word = "SET" if manner is Manner.ALONE else "SET LOCAL"
    settings = _settings(version, encoding, limit_s, lock_s)
    if application:
        settings["application_name"] = f"'{application}'"
    lines = [f"{word} {name} = {value}" for name, value in settings.items()]
    return "; ".join([manner.value, *lines] if manner.value else lines)


def giving_back(version: int, encoding: str) -> str:
    """The statements that set a session of manner ALONE back to what it was."""
    return "; ".join(f"RESET {name}" for name in (*_settings(version, encoding, None, None), "application_name"))


def _settings(version: int, encoding: str, limit_s: float | None, lock_s: float | None) -> dict[str, str]:
    limit_ms = round(1000 * (limit_s or 0))
    lock_ms = round(1000 * lock_s) if lock_s is not None else round(limit_ms * LOCK_SHARE)
    # Since 17. One that began as the role's would end the whole session.
    longest = {"transaction_timeout": "0"} if version >= 170000 else {}
    # No conversion, which refuses an answer for one byte of it; what is no text we see ourselves.
    plain = {"client_encoding": f"'{encoding}'"} if encoding != "UTF8" else {}
    return {
        **longest,
        "statement_timeout": str(limit_ms),
        "lock_timeout": str(lock_ms),
        "idle_in_transaction_session_timeout": str(limit_ms),
        **plain,
        **_RELIED_ON,
    }
