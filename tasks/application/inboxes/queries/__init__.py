"""The questions about inboxes. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

INBOXES = _read("inboxes")
TODAY = _read("today")
ALL_PAUSED = _read("all_paused")
USED_UP = _read("used_up")
BOUNCING = _read("bouncing")
BOUNCED_BACK = _read("bounced_back")
