"""The questions about rows that should not be there. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)
_ORPHANS = _read("orphans")

GUARD = _read("guard")
REPEATED = _read("repeated")
SENT_TWICE = _read("sent_twice")
DUPLICATES = _read("duplicates")
SPARE = _read("spare")
PLACE = _read("place")
MAKE_ASIDE = _read("make_aside")
HOLD = _read("hold")
SET_ASIDE = _read("set_aside")
BRING_BACK = _read("bring_back")
THERE = _read("there")
REPEAT = _read("repeat")
FORGET = _read("forget")


def orphans(child: str, by: str, at: str, parent: str) -> str:
    """Rows of the part `child` whose column `by` names no row of `parent`; of those since, by the column `at`."""
    named = _ORPHANS
    for word, name in (("child", child), ("by", by), ("at", at), ("parent", parent)):
        named = named.replace(f"{{{word}}}", name)
    return named
