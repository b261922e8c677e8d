"""Entry: one line of an incident's journal, and the exact text it is stored as."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import rfc8785

from flows.journal.body import Told
from tasks.model import Json, Row, canonical

# Whole numbers beyond this are not exact in JSON (RFC 8785 follows ECMAScript, where every number is a double).
EXACT = 2**53 - 1
NAME_LIMIT = 200


class NotRecordable(ValueError):
    """The journal cannot hold this value; the message says which, and what to write instead."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened. `hash` covers every other field, and `prev` is the hash of the entry before."""

    incident: str
    seq: int
    at: str  # ISO 8601, UTC, microseconds, by the database's clock
    actor: str
    kind: str
    key: str
    body: Row
    prev: str
    hash: str

    def is_a(self, *kinds: type[Told]) -> bool:
        """Is it of one of these kinds? By name, whatever its body holds: see flows/journal/kinds.py."""
        return any(self.kind == kind.kind for kind in kinds)


def written(body: Row) -> str:
    """`body` as the text that is stored and hashed.

    Raises:
        NotRecordable: it is no JSON object, or a number or text in it has no exact JSON form.
    """
    if not isinstance(body, Mapping):
        raise NotRecordable(f"A body is a table of names and values, not {type(body).__name__}.")
    try:
        return canonical(body).decode()
    except rfc8785.IntegerDomainError as error:
        raise NotRecordable(f"{error}. Write such a number as text.") from error
    except ValueError as error:
        raise NotRecordable(f"The body has no canonical JSON form: {error}.") from error


def read_back(text: str) -> Row:
    """The body behind the stored text."""
    body: Row = json.loads(text, parse_int=_number)
    return body


def _number(digits: str) -> Json:
    # Canonical JSON prints the float 1e16 as 10000000000000000; as an int it could not be hashed again.
    number = int(digits)
    return number if abs(number) <= EXACT else float(digits)


def checked(what: str, name: str) -> str:
    """`name`, if people and machines can tell it apart from every other.

    Raises:
        NotRecordable: it is empty, too long, padded, or holds characters nobody sees.
    """
    if not name or len(name) > NAME_LIMIT or name != name.strip():
        raise NotRecordable(
            f"The {what} {name[:40]!r} must have 1 to {NAME_LIMIT} characters and no space at either end."
        )
    # Cc: control (NUL cannot be stored), Cs: half a surrogate pair, Zl/Zp: line breaks that fake a second entry.
    for character in name:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise NotRecordable(f"The {what} {name[:40]!r} holds the unprintable character {character!a}.")
    return name
