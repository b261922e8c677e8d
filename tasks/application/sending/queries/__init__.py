"""The questions about mails on their way out. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

ATTEMPTS = _read("attempts")
FAILURES = _read("failures")
DUE = _read("due")
CLAIMED = _read("claimed")
RATE_LIMITED = _read("rate_limited")
MINUTES = _read("minutes")
