"""The questions about prospects that are to be enriched. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

WAITING = _read("waiting")
ENDED = _read("ended")
REASONS = _read("reasons")
STUCK = _read("stuck")
FAILED = _read("failed")
FAILING = _read("failing")
LEAVE_NEW = _read("leave_new")
LEAVE_FAILED = _read("leave_failed")
