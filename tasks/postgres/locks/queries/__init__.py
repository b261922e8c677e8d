"""The questions about sessions that hold each other up. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting
from tasks.sql import reader

_read = reader(__name__)

ANYBODY_WAITS = _read("anybody_waits")
LOCK_WAITS = _read("lock_waits")
LONG_TRANSACTIONS = _read("long_transactions")
IDLE_IN_TRANSACTION = _read("idle_in_transaction")
DEADLOCKS = with_counting(_read("deadlocks"))
STILL_WAITING = _read("still_waiting")
SPARE_COLUMN = _read("spare_column")
