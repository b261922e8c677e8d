"""What others wrote, as it may be shown: a piece of it, on one line, and nothing in it that a terminal would obey."""

from __future__ import annotations


def excerpt(text: str, most: int) -> str:
    """The beginning of `text`, at most so many characters.

    Line breaks become blanks; so does what is not printable: escapes, NULs, marks that turn the direction of reading.
    """
    # Of a megabyte of blanks no more is looked at than could be shown of a text with some.
    piece = text[: 4 * most]
    shown = " ".join("".join(c if c.isprintable() else " " for c in piece).split())
    cut = len(shown) > most or len(piece) < len(text)
    return f"{shown[: most - 1].rstrip()}…" if cut else shown
