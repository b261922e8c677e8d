"""The questions about users that are on their way in. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

FAILED = _read("failed")
STANDING = _read("standing")
ERRORS = _read("errors")
BARRED = _read("barred")
BROKEN = _read("broken")
CLEAR_TOKENS = _read("clear_tokens")
FINGERPRINTS = _read("fingerprints")
HELD_ERRORS = _read("held_errors")
FAIL_STEP = _read("fail_step")
BREAK_GRANT = _read("break_grant")
