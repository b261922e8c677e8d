"""The questions about indexes: missing, spare, half built. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting, with_grants, without_locked
from tasks.sql import reader

_read = reader(__name__)
_AT_WORK = _read("at_work").rstrip()


def _with_builders(query: str) -> str:
    """`query` with the words that tell who works on indexes just now (at_work.sql)."""
    return query.replace("{at_work}", _AT_WORK)


STATEMENTS_TO_EXPLAIN = _read("statements_to_explain")
HYPOPG = _read("hypopg")
PARAMETERS = _read("parameters")
PLANNED_CODE = _read("planned_code")
PLAN_SETTINGS = _read("plan_settings")
INDEX_PLACE = with_grants(_read("index_place"))
INDEX_STATE = _with_builders(with_grants(_read("index_state")))
INDEX_FACTS = _with_builders(_read("index_facts"))
PARTITIONED_INDEXES = _with_builders(_read("partitioned_indexes"))
BUILDS = _with_builders(_read("builds"))
WRITABLE = _read("writable")
LOCKED_INDEXES = without_locked(_read("locked_indexes"))
SCAN_COUNTING = with_counting(_read("scan_counting"))
TABLE_SCANS = without_locked(_read("table_scans"))
INDEXES_ON = _read("indexes_on")
