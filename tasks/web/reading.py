"""What a hosted API sent, read with distrust: of the wrong shape it is refused, too long it is cut."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tasks.excerpt import excerpt
from tasks.model import Json, Refused

# A server's words are a line or two; what is longer is a page, or somebody's joke.
LONGEST_TEXT = 300


def not_as_documented(vendor: str, what: str) -> Refused:
    """What is said of an answer that the vendor's documents do not describe."""
    return Refused(
        f"{vendor} answers, but not as its documents say: {what}.",
        remedy="Look whether `url` leads to the vendor's API, and not to a proxy or a login page.",
    )


def table(value: Json) -> Mapping[str, Json]:
    """`value` if it is a table, else an empty one: what is missing in it is then missed."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Json) -> list[Mapping[str, Json]]:
    """The tables in a list; whatever else stands in it is left out."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def listed(value: Json, vendor: str, what: str) -> list[Mapping[str, Json]]:
    """The same of a list that has to be there: without one nothing is known, and that is not none.

    Raises:
        Refused: it is no list.
    """
    if not isinstance(value, list):
        raise not_as_documented(vendor, f"{what} are no list")
    return rows(value)


def text(value: Json, longest: int = LONGEST_TEXT) -> str:
    """`value` on one line, nothing in it that a terminal would obey, cut; empty where it is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return excerpt(str(value), longest)


def words(value: Json) -> str:
    """The same as it was sent, for who takes a secret out of it before it is cut."""
    return value if isinstance(value, str) else ""


def number(value: Json) -> float | None:
    """A number that counts something; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 2**53 else None


def moment(value: Json | datetime) -> datetime | None:
    """A moment as vendors write them: RFC 2822, ISO 8601, seconds since 1970; None where it is none."""
    try:
        if isinstance(value, datetime):
            found: datetime | None = value
        elif isinstance(value, str):
            found = _written(value[:64])
        else:
            seconds = number(value)
            found = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
        # Beyond the first and the last year there is no moment in UTC.
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _written(said: str) -> datetime:
    """
    Raises:
        ValueError: it is neither.
    """
    if said[:1].isdigit() and said[4:5] == "-":
        # Resend: 2023-10-06 23:47:56.678+00
        return datetime.fromisoformat(said + ":00" if re.search(r"[+-]\d\d$", said[10:]) else said)
    # "UTC", as Mailgun writes it, is a zone that this knows, and leaves without an offset.
    found = parsedate_to_datetime(said)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
