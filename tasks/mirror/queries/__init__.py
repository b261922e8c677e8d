"""The questions in SQL, one file each, for Postgres 13 to 18; a `%` is written `%%`, as psycopg wants it.

Those with {names} in braces are filled by shape.py with what the server itself has quoted.
"""

from tasks.sql import reader

_read = reader(__name__)

STORE = _read("store")
TABLE = _read("table")
COLUMNS = _read("columns")
COUNT = _read("count")
BUCKETS = _read("buckets")
ROWS_IN_BUCKETS = _read("rows_in_buckets")
ROWS_BY_KEY = _read("rows_by_key")
VALUES_BY_KEY = _read("values_by_key")
RECORDS_BY_KEY = _read("records_by_key")
WHOLE_ROWS = _read("whole_rows")
REHEARSE_INSERT = _read("rehearse_insert")
REHEARSE_UPDATE = _read("rehearse_update")
UNDRAWABLE = _read("undrawable")
PLACES = _read("places")
INSERT = _read("insert")
UPDATE = _read("update")
DELETE = _read("delete")
DRILL_ROWS = _read("drill_rows")
DRILL_CHANGE = _read("drill_change")
DRILL_REMOVE = _read("drill_remove")
DRILL_ADD = _read("drill_add")
