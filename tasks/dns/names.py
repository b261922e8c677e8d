"""Names as people write them in a configuration, and how they lie one below the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
LONGEST = 253


def whole(text: str) -> str:
    """`text` as a name in small letters, without its last dot; letters beyond ASCII as their A-labels.

    Raises:
        ValueError: it is none.
    """
    try:
        name = text.strip().removesuffix(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not name or len(name) > LONGEST or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"{text[:80]!r} is no name of a domain: write it like example.com")
    return name


def domain(text: str) -> str:
    """The same for one that somebody can own.

    Raises:
        ValueError: it is none.
    """
    name = whole(text)
    if "." not in name:
        raise ValueError(f"{name!r} is a top-level domain: write it like example.com")
    return name


Domain = Annotated[str, AfterValidator(domain)]
# With underscores, as DKIM's and DMARC's have.
Name = Annotated[str, AfterValidator(whole)]


def is_under(name: str, domain: str) -> bool:
    """Is it `domain` itself, or below it? Both in small letters, without a last dot."""
    return name == domain or name.endswith(f".{domain}")


def upwards(name: str) -> Iterator[str]:
    """`name`, the name above it, and so on to the top-level domain."""
    while name:
        yield name
        name = name.partition(".")[2]
