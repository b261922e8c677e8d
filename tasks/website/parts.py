"""Which part of an application is ill, by its own health page: what it says in JSON, in any of the usual forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tasks.excerpt import excerpt
from tasks.model import Json

# Spring's, the IETF draft's (health+json) and everybody's own words. What is in neither is taken for no verdict.
ILL = frozenset({"down", "fail", "failed", "failing", "error", "unhealthy", "disconnected", "unavailable", "critical"})
_ILL_WITHIN = re.compile(r"refused|timed? ?out|timeout|unreachable|unavailable|denied|not connected|failed|error", re.I)
_OWN = frozenset({"status", "state", "health", "ok", "healthy", "up", "result"})
# About the whole, or about nothing: no parts.
_ABOUT = frozenset({"message", "error", "errors", "detail", "output", "version", "time", "timestamp", "uptime"})
_WITHIN = frozenset({"checks", "components", "details", "services", "dependencies", "info"})
DEEP, MOST, SPOKEN = 3, 8, 120


def ill_parts(body: Json) -> list[str]:
    """'database: connection refused', for each part that the body calls ill; none where it says nothing of parts."""
    return list(dict.fromkeys(_ill(body, 0)))[:MOST]


def _ill(body: Json, depth: int) -> Iterator[str]:
    if not isinstance(body, Mapping) or depth >= DEEP:
        return
    for name, value in body.items():
        if name.lower() in _WITHIN:
            yield from _ill(value, depth + 1)
        elif name.lower() not in _OWN | _ABOUT and (why := _why(value)):
            yield f"{excerpt(name, 60)}: {excerpt(why, SPOKEN)}"


def _why(value: Json) -> str:
    """Why a part is ill, in its own words; empty if it is not, or does not say."""
    match value:
        case False:
            return "false"
        case str():
            word = value.strip().lower()
            return value if word in ILL or _ILL_WITHIN.search(word) else ""
        case Mapping():
            told = next((why for name, part in value.items() if name.lower() in _OWN and (why := _why(part))), "")
            return _more(value, told) if told else ""
        case Sequence():
            return next((why for part in value if (why := _why(part))), "")
    return ""


def _more(part: Mapping[str, Json], told: str) -> str:
    said = next((value for name, value in part.items() if name.lower() in _ABOUT and isinstance(value, str)), "")
    return f"{told} ({said})" if said and said != told else told
