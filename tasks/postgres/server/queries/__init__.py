"""The questions about the server's memory and its write-ahead log. See tasks/postgres/queries."""

from tasks.sql import reader

_read = reader(__name__)

DATABASE_COUNTERS = _read("database_counters")
STATEMENT_SPILLS = _read("statement_spills")
WAL_POSITION = _read("wal_position")
CHECKPOINTS = _read("checkpoints")
CHECKPOINTER = _read("checkpointer")
