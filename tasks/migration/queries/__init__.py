"""The questions about a schema, one file each. They run on Postgres 13 to 18; a `%` is written `%%`."""

from tasks.sql import reader

_read = reader(__name__)

SCHEMA = _read("schema")
SAME_PLACE = _read("same_place")
AT_WORK = _read("at_work")
OWN_LOCK_TIMEOUT = _read("own_lock_timeout")
