"""The questions about a campaign's daily figures. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

BEHIND = _read("behind")
UNIT = _read("unit")
GAPS = _read("gaps")
RECOMPUTED = _read("recomputed")
PLACE = _read("place")
FILL_IN = _read("fill_in")
COMPLETE = _read("complete")
TAKE_OUT = _read("take_out")
UNDO_COMPLETE = _read("undo_complete")
STANDING = _read("standing")
LOSE = _read("lose")
DUE_IN = _read("due_in")
CLEAR = _read("clear")
BRING_BACK = _read("bring_back")
