"""What a receiver wrote about SPF, DKIM and DMARC of a message: Authentication-Results (RFC 8601).

Comments are read, not dropped: the policy that was found, and what was done by it, stand only there:
`dmarc=fail (p=REJECT sp=NONE dis=QUARANTINE)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.mail.parts import Fields

METHODS = ("spf", "dkim", "dmarc")
# A receiver writes one result a signature; of a message with more, the first are told.
MOST_RESULTS = 50
_METHOD = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]{0,40})(?:\s*/\s*\d{1,3})?\s*=\s*([A-Za-z]{1,20})\b")
_PROPERTY = re.compile(r"\b([a-z]{1,20}\.[A-Za-z0-9-]{1,60})\s*=\s*(\"[^\"]{0,300}\"|[^\s;\"]{1,300})")
_POLICY = re.compile(r"\b(p|sp|np|dis)\s*=\s*([A-Za-z]{1,20})\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One method's result: `dmarc`, `fail`. `properties` like `header.from`; `policy`: what its comment says of it."""

    method: str
    result: str
    properties: dict[str, str]
    policy: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Results:
    """All results that one server wrote; `by` is the name that it gives itself."""

    by: str
    all: tuple[Result, ...]

    def of(self, method: str) -> tuple[str, ...]:
        """The results of a method, in their order; a message has one of DKIM for each signature."""
        return tuple(one.result for one in self.all if one.method == method)


def results(fields: Fields, *, by: str = "") -> Results | None:
    """What the receiver wrote: the first such field, or the first of the server `by`; None if there is none.

    Each server writes above what is there. What stands below may have been written by whoever sent the message.
    """
    for value in fields.every("authentication-results"):
        parts = list(_parts(value))
        name = parts[0][0].split()[0].lower() if parts[0][0].split() else ""
        if name and (not by or name == by.lower()):
            found = (_result(text, comments) for text, comments in parts[1 : MOST_RESULTS + 1])
            return Results(by=name, all=tuple(one for one in found if one))
    return None


def _result(text: str, comments: str) -> Result | None:
    method = _METHOD.match(text)
    if method is None:
        return None
    rest = text[method.end() :]
    return Result(
        method=method[1].lower(),
        result=method[2].lower(),
        properties={name.lower(): value.strip('"') for name, value in _PROPERTY.findall(rest)},
        policy={name.lower(): value.lower() for name, value in _POLICY.findall(comments)},
    )


def _parts(value: str) -> Iterator[tuple[str, str]]:
    """What stands between semicolons, each apart from its comments. Comments nest; in quotes neither counts."""
    text: list[str] = []
    comments: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\" and (quoted or depth):
            escaped = True
            continue
        elif character == '"' and not depth:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
            character = " "
        elif character == ")" and depth:
            depth -= 1
            (text if not depth else comments).append(" ")
            continue
        elif character == ";" and not depth and not quoted:
            yield "".join(text), "".join(comments)
            text, comments = [], []
            continue
        (comments if depth else text).append(character)
    yield "".join(text), "".join(comments)
