"""One delivery: what came in over HTTP, read within limits, and why it may be refused."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.model import Json

# Sentry's longest events are around a megabyte.
LARGEST = 2 * 1024 * 1024
# Deeper than any vendor's, and far from where Python's reader gives up.
DEEPEST = 40


class Why(enum.StrEnum):
    """Why a delivery is refused: counted and logged by this word. The sender is told no more than a status."""

    UNKNOWN_SOURCE = "unknown source"
    UNPROVED = "no valid proof"
    STALE = "too old"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    TOO_MANY = "too many"
    WRONG_TYPE = "not JSON by its header"
    UNREADABLE = "unreadable"
    UNAVAILABLE = "the database does not answer"


STATUS = {
    Why.UNKNOWN_SOURCE: 401,
    Why.UNPROVED: 401,
    Why.STALE: 401,
    Why.TOO_LARGE: 413,
    Why.TOO_SLOW: 408,
    Why.TOO_MANY: 429,
    Why.WRONG_TYPE: 415,
    Why.UNREADABLE: 400,
    Why.UNAVAILABLE: 503,
}


class Refused(Exception):
    """It is not taken. `detail` is for our own log and holds nothing that was sent."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else str(why))
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What was sent. `headers` by lower-case name; `key` is what stands in the path behind the source's name.

    `doubled` are the names of headers that were given twice and say two things.
    """

    headers: Mapping[str, str]
    doubled: frozenset[str] = frozenset()
    body: bytes = field(repr=False)
    key: str = field(default="", repr=False)
    # Seconds since 1970, as the vendors' timestamps are.
    received_s: float

    def header(self, name: str) -> str:
        """Its value, empty where it was not given.

        Raises:
            Refused: it says two things, and a proxy before us may have believed the other one.
        """
        if name.lower() in self.doubled:
            raise Refused(Why.UNPROVED, "a header says two things")
        return self.headers.get(name.lower(), "")


def read_json(body: bytes) -> dict[str, Any]:
    """The body as a table.

    Raises:
        Refused: no UTF-8, no JSON, NaN or Infinity, a name twice in one table, too deep, or no table.
    """
    try:
        found = json.loads(body.decode(), object_pairs_hook=_table, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(Why.UNREADABLE, type(error).__name__) from error
    if not isinstance(found, dict):
        raise Refused(Why.UNREADABLE, "no table")
    if _deeper(found, DEEPEST):
        raise Refused(Why.UNREADABLE, f"deeper than {DEEPEST}")
    return found


def _table(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Two readers may each take another one of them for the truth.
        raise ValueError("a name stands twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _deeper(value: object, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(one, levels - 1) for one in inside)
