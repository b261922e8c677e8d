"""What an answer of a paid API says about how we stand there: the same words for every vendor."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.model import Json


class Standing(enum.StrEnum):
    """How we stand with whoever answered. OBJECTS: it takes our key, and not this request."""

    TAKEN = "takes our requests"
    OBJECTS = "does not take this request"
    REFUSED = "refuses our key"
    NO_CREDIT = "has no credit left for us"
    HELD_BACK = "holds us back"
    OVERLOADED = "is overloaded"
    IN_TROUBLE = "is in trouble itself"
    NO_API = "is not what answers there"
    SILENT = "does not answer"


# Where the vendor, or the way to it, is ill: that says nothing about our key, our credit or our pace.
ILL = frozenset({Standing.OVERLOADED, Standing.IN_TROUBLE, Standing.NO_API, Standing.SILENT})


def of_status(status: int) -> Standing:
    """By the status alone, for a vendor that uses it as HTTP means it. 529 is Anthropic's, and others' by now."""
    by_status = {401: Standing.REFUSED, 402: Standing.NO_CREDIT, 403: Standing.REFUSED, 429: Standing.HELD_BACK}
    if status in by_status:
        return by_status[status]
    if status == 529:
        return Standing.OVERLOADED
    if 200 <= status < 300:
        return Standing.TAKEN
    # A redirect that was not followed leads to a login page, or a proxy.
    return Standing.OBJECTS if 400 <= status < 500 else Standing.IN_TROUBLE if status >= 500 else Standing.NO_API


@dataclass(frozen=True, kw_only=True)
class Knock:
    """One request that changes nothing, and what came back.

    `status` is 0 where nothing came. `says`: the vendor's own words, cut, without secrets and addresses. `took_s`:
    seconds from our first byte to its last.
    """

    line: str
    standing: Standing
    status: int = 0
    says: str = ""
    took_s: float = 0.0
    asks_to_wait_s: float | None = None
    body: Json = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def said(self, who: str) -> str:
        """'Anthropic answers 429: “…” to GET /v1/models', without a point at its end."""
        if not self.status:
            return self.says.rstrip(".")
        return f"{who} answers {self.status}" + (f": “{self.says}”" if self.says else "") + f" to {self.line}"
