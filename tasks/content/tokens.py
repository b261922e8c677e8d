"""Placeholders that nobody filled in, as the templates of the usual senders write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What it looks like, and whose it is.
TOKENS: dict[str, re.Pattern[str]] = {
    "{{…}} (Handlebars, Jinja, n8n, Liquid)": re.compile(r"\{\{[^{}]{0,100}\}\}"),
    "{%…%} (Jinja, Liquid)": re.compile(r"\{%[^{}%]{0,100}%\}"),
    "${…} (JavaScript)": re.compile(r"\$\{[A-Za-z_][\w.]{0,60}\}"),
    "<%…%> (ERB, EJS)": re.compile(r"<%[^<>%]{0,100}%>"),
    "*|…|* (Mailchimp)": re.compile(r"\*\|[A-Za-z0-9_:]{1,60}\|\*"),
    "%recipient.…% (Mailgun)": re.compile(r"%recipient\.\w{1,60}%"),
    # Three letters at least: %C3% is a letter in a link.
    "%NAME% (by hand)": re.compile(r"%[A-Z][A-Z0-9_]{2,40}%"),
    "[name] (by hand)": re.compile(
        r"\[(?:your |first|last|full|lead|user)?[ _-]?(?:name|e-?mail|company)\]", re.IGNORECASE
    ),
    # Filled in, with nothing.
    "a greeting without a name": re.compile(
        r"\b(?:Hi|Hello|Hey|Dear|Hallo|Liebe|Lieber) (?: {0,3}[,!]|(?:undefined|null|None|NaN)\b)"
    ),
}
MOST_TOKENS = 50


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Each placeholder in `text`: what it looks like, and its letters."""
    for looks, pattern in TOKENS.items():
        for count, found in enumerate(pattern.finditer(text)):
            if count == MOST_TOKENS:
                break
            yield looks, found[0]
