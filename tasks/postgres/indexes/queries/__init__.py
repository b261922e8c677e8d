"""The questions about indexes: missing, spare, half built. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting, with_grants, without_locked
from tasks.sql import reader

_read = reader(__name__)

STATEMENTS_TO_EXPLAIN = _read("statements_to_explain")
HYPOPG = _read("hypopg")
PARAMETERS = _read("parameters")
PLANNED_CODE = _read("planned_code")
PLAN_SETTINGS = _read("plan_settings")
INDEX_PLACE = with_grants(_read("index_place"))
INDEX_STATE = with_grants(_read("index_state"))
INDEX_FACTS = _read("index_facts")
WRITABLE = _read("writable")
LOCKED_INDEXES = without_locked(_read("locked_indexes"))
SCAN_COUNTING = with_counting(_read("scan_counting"))
TABLE_SCANS = without_locked(_read("table_scans"))
INDEXES_ON = _read("indexes_on")
