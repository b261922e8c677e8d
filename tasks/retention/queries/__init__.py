"""Old rows in SQL, a file each. What stands in braces is quoted by the server; a rule's values are parameters."""

from tasks.sql import reader

_read = reader(__name__)

TABLE = _read("table")
COUNT = _read("count")
OLD = _read("old")
BATCH = _read("batch")
LEFT = _read("left")
MAKE_ARCHIVE = _read("make_archive")
MOVE = _read("move")
BRING_BACK = _read("bring_back")
IN_ARCHIVE = _read("in_archive")
UNUSUAL = _read("unusual")
DRILL_ADD = _read("drill_add")
DRILL_REMOVE = _read("drill_remove")
MAY_COPY = _read("may_copy")
