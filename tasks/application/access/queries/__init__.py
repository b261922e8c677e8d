"""The questions about logins and keys. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

LIVE = _read("live")
LIVE_OF = _read("live_of")
KEYS_OF = _read("keys_of")
REVOKE = _read("revoke")
HELD = _read("held")
LOG_IN = _read("log_in")
LOG_OUT = _read("log_out")
