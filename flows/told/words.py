"""Text from outside as it may be shown: it can neither steer a terminal nor fill a page."""

from __future__ import annotations


def plain(text: str) -> str:
    """Text that cannot steer a terminal: an alert's or a query's control characters become visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} … (cut; {len(text):,} characters in all)"
