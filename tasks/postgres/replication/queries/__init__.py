"""The questions about replicas and their slots. See tasks/postgres/queries."""

from tasks.sql import reader

_read = reader(__name__)

REPLICAS = _read("replicas")
STANDBY = _read("standby")
SYNCHRONOUS_WAITS = _read("synchronous_waits")
SLOTS = _read("slots")
DROP_SLOT = _read("drop_slot")
