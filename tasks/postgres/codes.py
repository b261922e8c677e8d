"""By which code a server refused us at its door, whatever language it speaks.

libpq keeps that code to itself until somebody is logged in, and hands on the words only. What it writes down of the
talk holds both.
"""

from __future__ import annotations

import os
import re
import select
import time

import psycopg
from psycopg import pq

# The fields stand in the server's order, the words after the code: no words can pass for it.
_REFUSED = re.compile(rb'^B\t\d+\tErrorResponse\t S "[^"]*"(?: V "[^"]*")? C "(\w{5})" M .*$', re.MULTILINE)
_ROUTINE = re.compile(rb' R "(\w+)" \\x00$')

# What that server would say in English: which code, raised in which of its routines (empty: in any).
_IN_ENGLISH = (
    ("28P01", "", "password authentication failed"),
    ("28000", "InitializeSessionUserId", "is not permitted to log in"),
    ("28000", "", "no pg_hba.conf entry"),
    ("53300", "InitializeSessionUserId", "too many connections for role"),
    ("53300", "CheckMyDatabase", "too many connections for database"),
    ("53300", "", "too many clients"),
    ("3D000", "", "database does not exist"),
    ("55000", "CheckMyDatabase", "database is not currently accepting connections"),
    ("42501", "", "permission denied for database"),
    ("57P03", "", "cannot connect now"),
    ("57P01", "", "shutting down"),
)


def in_english(conninfo: str, timeout_s: float) -> str:
    """Knock once more, and tell by its code why a server refuses us; empty where no code says so."""
    try:
        talk = _overheard(conninfo, timeout_s)
    except (psycopg.Error, OSError):  # elsewhere than on Linux nothing is written down
        return ""
    refused = _REFUSED.search(talk)
    if refused is None:
        return ""
    code, routine = refused[1].decode(), _ROUTINE.search(refused[0])
    where = routine[1].decode() if routine else ""
    return next((said for known, by, said in _IN_ENGLISH if known == code and by in ("", where)), "")


def _overheard(conninfo: str, timeout_s: float) -> bytes:
    """The talk until we are in or refused. It may hold a password: in memory, and never shown."""
    until = time.monotonic() + timeout_s
    connection = pq.PGconn.connect_start(conninfo.encode())
    written = os.memfd_create("talk")
    try:
        connection.trace(written)
        connection.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        while (asked := connection.connect_poll()) not in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
            reads = [connection.socket] if asked == pq.PollingStatus.READING else []
            writes = [] if reads else [connection.socket]
            if not any(select.select(reads, writes, [], max(until - time.monotonic(), 0))):
                break
        connection.untrace()
        return os.pread(written, os.fstat(written).st_size, 0)
    finally:
        connection.finish()
        os.close(written)
