"""Old measurements in SQL, a file each. In braces stands a part's name, which is one of those the server told."""

from tasks.sql import reader

_read = reader(__name__)

PARTS = _read("parts")
MAY_DROP = _read("may_drop")
HOURS = _read("hours")
COUNT = _read("count")
DELETE = _read("delete")
MONTHS_AHEAD = _read("months_ahead")
