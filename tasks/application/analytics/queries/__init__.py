"""The questions about a campaign's daily figures. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

BEHIND = _read("behind")
UNIT = _read("unit")
