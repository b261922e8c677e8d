"""The questions about replies. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

KNOWN = _read("known")
UNHANDLED = _read("unhandled")
