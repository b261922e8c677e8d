"""What lines that differ only in numbers, ids and names have in common, so that they can be counted together."""

from __future__ import annotations

import re

from tasks.excerpt import excerpt

LONGEST = 200
# In this order: what is more goes before what could be a part of it. Each begins at a fixed place, none nests loops.
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<mail>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (
        re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[?(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]{0,9}\]?"),
        "<address>",
    ),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    # Hexadecimal or mixed, with a digit in it: eight letters alone are a word.
    (re.compile(r"\b(?=[A-Za-z]{0,31}\d)[0-9a-fA-F]{8,64}\b"), "<id>"),
    (re.compile(r"\b(?=[A-Za-z_-]{0,31}\d)(?=\d{0,31}[A-Za-z_-])[\w-]{16,64}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
)


def template(text: str) -> str:
    """`text` with its numbers, ids, addresses and times taken out, at most `LONGEST` characters."""
    text = excerpt(text, 2 * LONGEST)
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text[:LONGEST]
