"""The questions in SQL, one file each. They run on Postgres 13 to 18; a `%` is written `%%`, as psycopg wants it."""

import re

from tasks.sql import reader

_read = reader(__name__)
_LOCKED_OUT = _read("locked_out").rstrip()
_COUNTING = _read("counting").rstrip()
# Without the line that says what it is: it stands in the middle of others.
_GRANT = _read("grant_to_us").partition("\n")[2].strip()


def without_locked(query: str) -> str:
    """`query` with the words that leave out relations that are locked (locked_out.sql)."""
    return query.replace("{locked_out}", _LOCKED_OUT)


def with_counting(query: str) -> str:
    """`query` with the words that tell since when this database's counters count (counting.sql)."""
    return query.replace("{counting}", _COUNTING)


def with_grants(query: str) -> str:
    """`query` with each `{grant role}`: the line to type that lets us use that role (grant_to_us.sql)."""
    return re.sub(r"\{grant ([^}]+)\}", lambda found: _GRANT.replace("{role}", found[1]), query)


def with_firing(query: str) -> str:
    """`query` with each `{fires column}`: does what is enabled so fire in this session?"""
    # O(rigin), D(isabled), R(eplica), A(lways), as pg_trigger and pg_rewrite have it.
    now = "CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R'::\"char\" ELSE 'O' END"
    return re.sub(r"\{fires ([^}]+)\}", lambda found: f"({found[1]} = 'A' OR {found[1]} = {now})", query)


RIGHTS = with_grants(_read("rights"))
CLIENT_SESSIONS = _read("client_sessions")
SIGNAL_SESSION = _read("signal_session")
STILL_THERE = _read("still_there")
LONG_ACT = _read("long_act")
OWN_NAME = _read("own_name")
HOME = _read("home")
FOLLOWERS = with_firing(_read("followers"))
TRIGGERS = with_firing(_read("triggers"))
FOLLOW = _read("follow")
TWIN = _read("twin")
UNIQUE_RULES = _read("unique_rules")
POINTED_AT = _read("pointed_at")
WRITTEN_HERE = _read("written_here")
