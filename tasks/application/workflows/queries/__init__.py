"""The questions about workflows and what they leave undone. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

ERRORS = _read("errors")
PACE = _read("pace")
OVERDUE = _read("overdue")
SUCCESS = _read("success")
