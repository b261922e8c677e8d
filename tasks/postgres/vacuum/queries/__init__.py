"""The questions about VACUUM, ANALYZE and what keeps them from their work. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting, with_grants, without_locked
from tasks.sql import reader

_read = reader(__name__)

TABLE_CARE = without_locked(with_counting(with_grants(_read("table_care"))))
CARE_DONE = _read("care_done")
AUTOVACUUM = _read("autovacuum")
XMIN_HOLDERS = _read("xmin_holders")
TEMPORARY_TABLES = _read("temporary_tables")
TRANSACTION_AGES = _read("transaction_ages")
OLDEST_TABLES = _read("oldest_tables")
