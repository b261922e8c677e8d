"""The questions about how large tables and their indexes are, and need be. See tasks/postgres/queries."""

from tasks.postgres.queries import with_grants, without_locked
from tasks.sql import reader

_read = reader(__name__)

DATABASE_SIZE = _read("database_size")
LARGEST_TABLES = without_locked(_read("largest_tables"))
INDEX_SHAPES = without_locked(_read("index_shapes"))
TABLE_SHAPES = without_locked(_read("table_shapes"))
TO_REBUILD = with_grants(_read("to_rebuild"))
SEQUENCES = without_locked(_read("sequences"))
READ_RATE = _read("read_rate")
REBUILD_LEFT_OVERS = _read("rebuild_left_overs")
