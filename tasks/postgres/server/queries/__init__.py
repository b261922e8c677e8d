"""The questions about the server's memory and its write-ahead log. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting
from tasks.sql import reader

_read = reader(__name__)

DATABASE_COUNTERS = with_counting(_read("database_counters"))
STATEMENT_SPILLS = _read("statement_spills")
WAL_POSITION = _read("wal_position")
CHECKPOINTS = with_counting(_read("checkpoints"))
CHECKPOINTER = with_counting(_read("checkpointer"))
